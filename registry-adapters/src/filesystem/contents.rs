//! Contents as files.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use registry_core::ports::{
    Checkpoint, Content, ContentBytes, ContentId, ContentInfo, ContentLimits, ContentStore,
    ContentWriter, ReadOptions, RedirectOptions, StoreError, WriteOptions,
};

use super::{
    blocking,
    calls::{How, Kind},
    error::{Context, Error, Result},
    held::Holders,
    reader,
    tree::{Tree, absent, split},
    writer::{Appender, FilesystemWriter},
};
use crate::layout;

/// The contents of a [`Filesystem`](super::Filesystem). Clones share it.
#[derive(Clone, Debug)]
pub struct FilesystemContents {
    tree: Arc<Tree>,
    holders: Holders,
}

impl FilesystemContents {
    pub(super) fn new(tree: Arc<Tree>) -> Self {
        Self { tree, holders: Holders::default() }
    }
}

#[async_trait]
impl ContentStore for FilesystemContents {
    fn limits(&self) -> ContentLimits {
        ContentLimits::default()
    }

    async fn open(
        &self,
        id: &ContentId,
        at: &Checkpoint,
        options: &WriteOptions,
    ) -> Result<Box<dyn ContentWriter>, StoreError> {
        let held = self.holders.hold(*id).await?;
        let leaving = held.leaving();
        let (tree, path, at, size) =
            (Arc::clone(&self.tree), layout::content(id), at.clone(), options.size);
        let appender = blocking(move || Appender::open(tree, held, path, &at, size)).await?;
        Ok(Box::new(FilesystemWriter::new(appender, leaving)))
    }

    async fn read(
        &self,
        id: &ContentId,
        options: &ReadOptions,
    ) -> Result<Option<Content>, StoreError> {
        let (tree, path, options) = (Arc::clone(&self.tree), layout::content(id), options.clone());
        Ok(blocking(move || read(&tree, &path, &options)).await?)
    }

    async fn redirect(
        &self,
        _id: &ContentId,
        _options: &RedirectOptions,
    ) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    async fn delete(&self, id: &ContentId) -> Result<bool, StoreError> {
        let held = self.holders.hold(*id).await?;
        let (tree, path) = (Arc::clone(&self.tree), layout::content(id));
        let deleted = blocking(move || {
            let _held = held;
            tree.with_reserve(|| delete(&tree, &path))
        });
        Ok(deleted.await?)
    }

    fn list(
        &self,
        after: Option<ContentId>,
    ) -> BoxStream<'static, Result<ContentInfo, StoreError>> {
        let tree = Arc::clone(&self.tree);
        let first = after.map_or_else(String::new, |id| layout::content(&id));
        let shards = stream::iter(layout::shards()).filter(move |shard| {
            let wanted = format!("{shard}/~") > first;
            async move { wanted }
        });
        let listed = shards.then(move |shard| {
            let tree = Arc::clone(&tree);
            blocking(move || list(&tree, &shard, after))
        });
        listed
            .map_ok(|infos| stream::iter(infos.into_iter().map(Ok::<_, Error>)))
            .try_flatten()
            .err_into()
            .boxed()
    }
}

fn read(tree: &Tree, path: &str, options: &ReadOptions) -> Result<Option<Content>> {
    let Some(file) = tree.open(path, How::Read)? else { return Ok(None) };
    let status = tree.calls.status(&file).to("look at a content")?;
    if status.kind != Kind::File {
        return Err(Error::NotAFile(path.to_owned()));
    }
    if status.unsealed {
        return Ok(None);
    }
    let range = options.range.clone().unwrap_or(0..status.size);
    if range.start > range.end || range.end > status.size {
        return Err(Error::Range);
    }
    Ok(Some(Content::new(status.size, range, ContentBytes::File(file, reader::read))))
}

fn delete(tree: &Tree, path: &str) -> Result<bool> {
    tree.writable()?;
    let (folder, name) = split(path);
    let Some(folder) = tree.folder(folder)? else { return Ok(false) };
    let removed = absent(tree.calls.remove(&folder, name, Kind::File)).to("delete a content")?;
    tree.set_aside();
    Ok(removed.is_some())
}

/// The contents of a shard, in order.
fn list(tree: &Tree, shard: &str, after: Option<ContentId>) -> Result<Vec<ContentInfo>> {
    let Some(folder) = tree.folder(shard)? else { return Ok(Vec::new()) };
    let mut ids: Vec<ContentId> = Vec::new();
    let mut each = |name: &str, kind| {
        // Whatever else lies around is no content.
        let id = name
            .parse()
            .ok()
            .filter(|id| kind == Kind::File && layout::content(id).starts_with(shard));
        ids.extend(id.filter(|id| Some(*id) > after));
    };
    tree.calls.entries(&folder, &mut each).to("list contents")?;
    ids.sort_unstable();
    let mut infos = Vec::with_capacity(ids.len());
    for id in ids {
        // It may have been deleted meanwhile.
        let status = absent(tree.calls.status_at(&folder, &id.to_string()));
        if let Some(status) = status.to("look at a content")? {
            infos.push(ContentInfo { id, sealed: !status.unsealed });
        }
    }
    Ok(infos)
}
