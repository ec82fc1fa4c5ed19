//! The collector and the sweeper of the storage protocol, in as few words as they have there.
//! No invariant may rest on a clock (I7), so they are as a rule of no patience and spare nothing.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt};
use registry_core::{
    digest::Digest,
    ports::{
        Clock, ContentId, ContentStore, DeleteOutcome, Expect, KeyRange, Lookup, PutOutcome,
        Random, RecordStore, StoreError, StoreErrorKind, Version,
    },
    record::{
        BlobRecord, BlobState, LinkRecord, LinkState, ManifestRecord, ManifestState, Nonce,
        RecordKey, Retention, Timestamp, Typed, UploadRecord, UploadState,
    },
};

/// A step that a collector may leave out, to show that it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// (b): the roots are not listed again after condemning.
    SecondListing,
    /// (c): the content's upload is not aborted before the blob record is gone.
    Abort,
    /// Links are deleted without being condemned first.
    CondemnedLinks,
}

/// One pass of a collector or sweeper.
pub(crate) struct Collector<C, R> {
    pub(crate) contents: C,
    pub(crate) records: R,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) clock: Arc<dyn Clock>,
    /// What somebody relied on less than this ago is not condemned.
    pub(crate) patience: Duration,
    pub(crate) left_out: Option<LeftOut>,
}

/// What manifests refer to: in which repository, which digest.
type Roots = BTreeSet<(String, Digest)>;

impl<C: ContentStore, R: RecordStore> Collector<C, R> {
    /// Collects blobs that no manifest refers to.
    pub(crate) async fn collect_blobs(&self) -> Result<(), StoreError> {
        let roots = self.roots().await?;
        for (key, version, blob) in self.list::<BlobRecord>("blob/").await? {
            let digest: Digest = key.after("blob/").expect("a blob's key ends in its digest");
            let ripe = blob.state == BlobState::Live && self.is_ripe(blob.touched);
            if ripe && !is_root(&roots, &digest) {
                self.collect_blob(&key, &digest, blob, version).await?;
            }
        }
        Ok(())
    }

    async fn collect_blob(
        &self,
        key: &RecordKey,
        digest: &Digest,
        mut blob: BlobRecord,
        version: Version,
    ) -> Result<(), StoreError> {
        // (a)
        blob.state = BlobState::Condemned;
        let Some(version) = self.swap(key, &blob, version).await? else { return Ok(()) };
        // (b)
        if self.left_out != Some(LeftOut::SecondListing) && is_root(&self.roots().await?, digest) {
            blob.state = BlobState::Live;
            self.swap(key, &blob, version).await?;
            return Ok(());
        }
        // (c)
        if self.left_out != Some(LeftOut::Abort) && !self.abort(&blob.content).await? {
            return Ok(());
        }
        // (d)
        blob.state = BlobState::Gone;
        let Some(version) = self.swap(key, &blob, version).await? else { return Ok(()) };
        // (e)
        if self.delete_content(&blob.content).await? {
            let _: DeleteOutcome = self.records.delete(key, &version).await?;
        }
        Ok(())
    }

    /// Whether it is gone; somebody who still writes it keeps it for now.
    async fn delete_content(&self, id: &ContentId) -> Result<bool, StoreError> {
        match self.contents.delete(id).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == StoreErrorKind::Busy => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the upload is aborted or absent.
    async fn abort(&self, id: &ContentId) -> Result<bool, StoreError> {
        let key = RecordKey::upload(id);
        let Some((version, upload)) = self.get::<UploadRecord>(&key).await? else {
            return Ok(true);
        };
        let aborted = matches!(upload.state, UploadState::Aborted { .. });
        Ok(aborted || self.swap(&key, &upload.aborted(), version).await?.is_some())
    }

    /// Takes blobs out of repositories none of whose manifests refers to them.
    pub(crate) async fn collect_links(&self) -> Result<(), StoreError> {
        let roots = self.roots().await?;
        for (key, version, mut link) in self.list::<LinkRecord>("link/").await? {
            let [_, digest, repository] = key.as_str().split('/').collect::<Vec<_>>()[..] else {
                unreachable!("a link's key")
            };
            let root = (repository.to_owned(), digest.parse().expect("a link's key"));
            if roots.contains(&root) {
                continue;
            }
            if link.state == LinkState::Live && !self.is_ripe(link.since) {
                continue;
            }
            let mut version = version;
            if self.left_out != Some(LeftOut::CondemnedLinks) {
                // One that is condemned already was so before the roots are listed below.
                if link.state == LinkState::Live {
                    link.state = LinkState::Condemned;
                    let Some(condemned) = self.swap(&key, &link, version).await? else { continue };
                    version = condemned;
                }
                if self.roots().await?.contains(&root) {
                    link.state = LinkState::Live;
                    self.swap(&key, &link, version).await?;
                    continue;
                }
            }
            let _: DeleteOutcome = self.records.delete(&key, &version).await?;
        }
        Ok(())
    }

    /// Deletes contents that have no upload and that no blob record names.
    pub(crate) async fn sweep_orphans(&self) -> Result<(), StoreError> {
        for content in self.contents.list(None).try_collect::<Vec<_>>().await? {
            if self.get::<UploadRecord>(&RecordKey::upload(&content.id)).await?.is_some() {
                continue;
            }
            let blobs = self.list::<BlobRecord>("blob/").await?;
            if !blobs.iter().any(|(_, _, blob)| blob.content == content.id) {
                self.delete_content(&content.id).await?;
            }
        }
        Ok(())
    }

    /// Turns pending manifests away.
    pub(crate) async fn reap(&self) -> Result<(), StoreError> {
        for (key, version, manifest) in self.list::<ManifestRecord>("manifest/").await? {
            if manifest.state == ManifestState::Pending {
                let _: DeleteOutcome = self.records.delete(&key, &version).await?;
            }
        }
        Ok(())
    }

    fn is_ripe(&self, relied_on: Timestamp) -> bool {
        relied_on.until(self.clock.now().into()) >= self.patience
    }

    /// Every digest that a pinned manifest refers to, whatever the manifest's state.
    async fn roots(&self) -> Result<Roots, StoreError> {
        let mut roots = Roots::new();
        for (key, _, manifest) in self.list::<ManifestRecord>("manifest/").await? {
            let repository = key.as_str().split('/').nth(1).expect("a manifest's key").to_owned();
            if manifest.retention == Retention::Pinned {
                let referred = manifest.references.iter().map(|reference| reference.digest);
                roots.extend(referred.map(|digest| (repository.clone(), digest)));
            }
        }
        Ok(roots)
    }

    async fn list<T: Typed>(
        &self,
        prefix: &str,
    ) -> Result<Vec<(RecordKey, Version, T)>, StoreError> {
        self.records
            .list(KeyRange::all(prefix.to_owned()))
            .map(|entry| {
                let entry = entry?;
                let (version, record) = entry.record.expect("this store has them at hand");
                Ok((entry.key, version, T::decode(&record)?))
            })
            .try_collect()
            .await
    }

    async fn get<T: Typed>(&self, key: &RecordKey) -> Result<Option<(Version, T)>, StoreError> {
        match self.records.get(key, None).await? {
            Lookup::Found(version, record) => Ok(Some((version, T::decode(&record)?))),
            Lookup::Absent | Lookup::Unchanged => Ok(None),
        }
    }

    async fn swap<T: Typed>(
        &self,
        key: &RecordKey,
        value: &T,
        version: Version,
    ) -> Result<Option<Version>, StoreError> {
        let record = value.encode(Nonce::new(&*self.random));
        match self.records.put(key, record, Expect::Version(version)).await? {
            PutOutcome::Stored(version) => Ok(Some(version)),
            PutOutcome::Conflict => Ok(None),
        }
    }
}

fn is_root(roots: &Roots, digest: &Digest) -> bool {
    roots.iter().any(|(_, root)| root == digest)
}
