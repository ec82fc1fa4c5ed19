//! Records as files.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, IoSlice},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use registry_core::{
    ports::{
        DeleteOutcome, Expect, KeyRange, Lookup, PutOutcome, RecordEntry, RecordStore, StoreError,
        Version,
    },
    record::{Record, RecordKey},
};

use super::{
    blocking,
    calls::{How, Kind},
    error::{Context, Error, Result},
    hot::{Hot, Known},
    names::{Names, Page},
    stripes::Stripes,
    tree::{Temporary, Tree, split},
};
use crate::layout;

/// The records of a [`Filesystem`](super::Filesystem). Clones share it.
#[derive(Clone, Debug)]
pub struct FilesystemRecords(Arc<Store>);

#[derive(Debug)]
struct Store {
    tree: Arc<Tree>,
    hot: Hot,
    names: Names,
    /// One change of a record at a time.
    changing: Stripes<Mutex<()>>,
    /// One creation of a folder at a time.
    creating: Stripes<Mutex<()>>,
    /// Records whose last change was cut short by a failed sync.
    unknown: Mutex<HashSet<RecordKey>>,
}

/// Where a record is.
struct Place<'a> {
    key: &'a RecordKey,
    /// In the layout.
    folder: String,
    name: String,
    /// Whether it must survive power loss.
    durable: bool,
}

/// How many keys a listing takes at once where they are at hand.
const AT_HAND: usize = 256;
/// How many it takes at once where folders must be read: those with more names than there is
/// memory for are read anew each time.
const READ: usize = 16 << 10;

impl FilesystemRecords {
    /// Half of the memory is for records, half for their names.
    pub(super) fn new(tree: Arc<Tree>, memory: usize) -> Self {
        Self(Arc::new(Store {
            tree,
            hot: Hot::new(memory / 2),
            names: Names::new(memory / 2),
            changing: Stripes::new(1024),
            creating: Stripes::new(64),
            unknown: Mutex::default(),
        }))
    }

    /// Deletes what lies in the place of a record and is none, which nothing else changes: not
    /// written by this program, or damaged. Says whether it did; a record that can be read stays.
    ///
    /// # Errors
    /// As of [`RecordStore::delete`].
    pub async fn discard_corrupt(&self, key: &RecordKey) -> Result<bool, StoreError> {
        let key = key.clone();
        self.run(move |store| {
            let place = Place::of(&key)?;
            store.tree.with_reserve(|| store.discard(&place))
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = Arc::clone(&self.0);
        Ok(blocking(move || work(&store)).await?)
    }
}

#[async_trait]
impl RecordStore for FilesystemRecords {
    async fn get(&self, key: &RecordKey, known: Option<&Version>) -> Result<Lookup, StoreError> {
        self.0.refuse_unknown(|unknown| unknown == key)?;
        let found = match self.0.hot.get(key) {
            Some(found) => found,
            None => {
                let key = key.clone();
                self.run(move |store| store.read(&Place::of(&key)?)).await?
            }
        };
        Ok(found.lookup(known))
    }

    async fn put(
        &self,
        key: &RecordKey,
        record: Record,
        expect: Expect,
    ) -> Result<PutOutcome, StoreError> {
        self.0.refuse_unknown(|unknown| unknown == key)?;
        if self.0.hot.get(key).is_some_and(|known| !known.is(&expect)) {
            return Ok(PutOutcome::Conflict);
        }
        let key = key.clone();
        self.run(move |store| {
            let (place, bytes) = (Place::of(&key)?, record.to_bytes());
            let put = || store.put(&place, &bytes, &expect);
            match expect {
                // A swap does not fill the disk, and collection is made of swaps.
                Expect::Version(_) => store.tree.with_reserve(put),
                Expect::Absent => put(),
            }
        })
        .await
    }

    async fn delete(
        &self,
        key: &RecordKey,
        version: &Version,
    ) -> Result<DeleteOutcome, StoreError> {
        let (key, expect) = (key.clone(), Expect::Version(version.clone()));
        self.run(move |store| {
            let place = Place::of(&key)?;
            store.tree.with_reserve(|| store.delete(&place, &expect))
        })
        .await
    }

    fn list(&self, range: KeyRange) -> BoxStream<'static, Result<RecordEntry, StoreError>> {
        let records = self.clone();
        let after = range.prefix.clone() + range.after.as_deref().unwrap_or_default();
        let pages = stream::try_unfold(Some(after), move |after| {
            let (records, range) = (records.clone(), range.clone());
            async move {
                let Some(after) = after else { return Ok(None) };
                let (keys, next) = records.page(&range, after).await?;
                let entries = keys.into_iter().map(move |key| Ok(records.0.entry(key)));
                Ok::<_, StoreError>(Some((stream::iter(entries), next)))
            }
        });
        pages.try_flatten().boxed()
    }
}

impl FilesystemRecords {
    /// Some keys of a range, and where the next ones start.
    async fn page(
        &self,
        range: &KeyRange,
        after: String,
    ) -> Result<(Vec<RecordKey>, Option<String>), StoreError> {
        self.0.refuse_unknown(|unknown| unknown.as_str().starts_with(&range.prefix))?;
        let Some(folder) = folder(&range.prefix) else { return Ok((Vec::new(), None)) };
        let limit = |most: usize| range.limit.map_or(most, |limit| limit.clamp(1, most));
        let page = Page { folder, after, limit: limit(AT_HAND) };
        if let Some(keys) = self.0.names.page_at_hand(&page) {
            return Ok(page.with_next(keys));
        }
        let page = Page { limit: limit(READ), ..page };
        self.run(move |store| {
            let keys = store.names.page(&store.tree, &page)?;
            Ok(page.with_next(keys))
        })
        .await
    }
}

/// The folder of a prefix that some key can have.
fn folder(prefix: &str) -> Option<String> {
    let _: RecordKey = format!("{prefix}x").parse().ok()?;
    layout::folder(prefix)
}

impl Store {
    fn entry(&self, key: RecordKey) -> RecordEntry {
        let record = match self.hot.get(&key) {
            Some(Known::There(version, record)) => Some((version, record)),
            Some(Known::Absent) | None => None,
        };
        RecordEntry { key, record }
    }

    fn read(&self, place: &Place<'_>) -> Result<Known> {
        // Whoever changes it lets go of it only when the change is durable.
        let _one = self.changing.lock(place.key);
        self.read_unchanging(place)
    }

    fn put(&self, place: &Place<'_>, bytes: &Bytes, expect: &Expect) -> Result<PutOutcome> {
        self.tree.writable()?;
        let (version, record) = decode(place.key, bytes)?;
        let file = self.write(bytes, place.durable)?;
        let folder = self.make_folder(&place.folder, place.durable)?;
        let _one = self.changing.lock(place.key);
        self.refuse_unknown(|unknown| unknown == place.key)?;
        if !self.read_unchanging(place)?.is(expect) {
            return Ok(PutOutcome::Conflict);
        }
        let _changing = self.names.changing(&place.folder);
        self.change(place, &folder, || match place.durable {
            true => file.rename(&folder, &place.name),
            false => file.exchange(&folder, &place.name),
        })?;
        let known = Known::There(version.clone(), record);
        self.names.came(&place.folder, &place.name, || self.hot.insert(place.key, known));
        Ok(PutOutcome::Stored(version))
    }

    fn delete(&self, place: &Place<'_>, expect: &Expect) -> Result<DeleteOutcome> {
        self.tree.writable()?;
        let _one = self.changing.lock(place.key);
        self.refuse_unknown(|unknown| unknown == place.key)?;
        if !self.read_unchanging(place)?.is(expect) {
            return Ok(DeleteOutcome::Conflict);
        }
        self.unlink(place)
    }

    fn discard(&self, place: &Place<'_>) -> Result<bool> {
        self.tree.writable()?;
        let _one = self.changing.lock(place.key);
        self.refuse_unknown(|unknown| unknown == place.key)?;
        match self.read_unchanging(place) {
            Err(error) if error.is_corrupt() => Ok(self.unlink(place)? == DeleteOutcome::Deleted),
            read => read.map(|_| false),
        }
    }

    /// Deletes the file of a record while its lock is held.
    fn unlink(&self, place: &Place<'_>) -> Result<DeleteOutcome> {
        let Some(folder) = self.tree.folder(&self.tree.place(&place.folder))? else {
            return Ok(DeleteOutcome::Conflict);
        };
        let _changing = self.names.changing(&place.folder);
        self.change(place, &folder, || {
            self.tree.calls.remove(&folder, &place.name, Kind::File).to("delete a record")
        })?;
        self.names.went(&place.folder, &place.name, || self.hot.insert(place.key, Known::Absent));
        self.tree.set_aside();
        Ok(DeleteOutcome::Deleted)
    }

    /// The record as it is while its lock is held.
    fn read_unchanging(&self, place: &Place<'_>) -> Result<Known> {
        if let Some(known) = self.hot.get(place.key) {
            return Ok(known);
        }
        let path = format!("{}/{}", self.tree.place(&place.folder), place.name);
        let known = match self.tree.open(&path, How::Read)? {
            None => Known::Absent,
            Some(file) => {
                let bytes = self.read_file(&path, &file)?;
                let (version, record) = decode(place.key, &bytes)?;
                Known::There(version, record)
            }
        };
        self.hot.insert(place.key, known.clone());
        Ok(known)
    }

    fn read_file(&self, path: &str, file: &File) -> Result<Bytes> {
        let status = self.tree.calls.status(file).to("look at a record")?;
        let longest = (Record::MAX_HEADER + 1 + Record::MAX_BODY) as u64;
        if status.kind != Kind::File || status.size > longest {
            return Err(Error::NotAFile(path.to_owned()));
        }
        let size = usize::try_from(status.size).unwrap_or(usize::MAX);
        let mut bytes = vec![0; size];
        let read = self.tree.calls.read(file, &mut bytes, 0).to("read a record")?;
        bytes.truncate(read);
        Ok(bytes.into())
    }

    /// A file with these bytes and no name yet.
    fn write(&self, bytes: &[u8], durable: bool) -> Result<Temporary<'_>> {
        let temporary = self.tree.temporary()?;
        let mut done = 0;
        while done < bytes.len() {
            let rest = [IoSlice::new(&bytes[done..])];
            let written = self.tree.calls.write(&temporary.file, &rest, done as u64);
            match written.to("write a record")? {
                0 => return Err(io::Error::from(io::ErrorKind::WriteZero)).to("write a record"),
                written => done += written,
            }
        }
        if durable {
            self.tree.sync_new(&temporary.file)?;
        }
        Ok(temporary)
    }

    /// Changes a folder and makes the change durable. When that fails, nothing is remembered that
    /// may be wrong.
    fn change(
        &self,
        place: &Place<'_>,
        folder: &File,
        change: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        if let Err(error) = change() {
            self.hot.forget(place.key);
            self.names.forget(&place.folder);
            return Err(error);
        }
        if !place.durable {
            return Ok(());
        }
        self.tree.sync(folder).inspect_err(|_| {
            let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
            unknown.insert(place.key.clone());
        })
    }

    /// Opens a folder that is there for good. A new one is synced into its parent before anything
    /// in it counts.
    fn make_folder(&self, path: &str, durable: bool) -> Result<File> {
        let place = self.tree.place(path);
        if let Some(folder) = self.tree.folder(&place)? {
            // Whoever created it may not have synced it yet.
            drop(self.creating.lock(path));
            return Ok(folder);
        }
        let (parent_path, name) = split(path);
        let parent = match parent_path {
            "" => self.tree.top(durable)?,
            parent => self.make_folder(parent, durable)?,
        };
        let creating = self.creating.lock(path);
        let names = self.names.changing(parent_path);
        match self.tree.calls.create_folder(&parent, name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            outcome => {
                outcome.to("create a folder")?;
                if durable {
                    self.tree.sync(&parent)?;
                }
                self.names.came(parent_path, &format!("{name}/"), || ());
            }
        }
        drop((names, creating));
        let folder = self.tree.folder(&place)?;
        folder.ok_or_else(|| io::ErrorKind::NotFound.into()).to("open a new folder")
    }

    /// After a failed sync, nobody knows which of two states the records have that were just being
    /// changed. Neither is shown.
    fn refuse_unknown(&self, concerns: impl Fn(&RecordKey) -> bool) -> Result<()> {
        if !self.tree.is_stopped() {
            return Ok(());
        }
        let unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        match unknown.iter().find(|key| concerns(key)) {
            Some(key) => Err(Error::Unknown(key.clone())),
            None => Ok(()),
        }
    }
}

impl<'a> Place<'a> {
    fn of(key: &'a RecordKey) -> Result<Self> {
        let path = layout::record(key).ok_or_else(|| Error::Key(key.clone()))?;
        let (folder, name) = split(&path);
        let (folder, name) = (folder.to_owned(), name.to_owned());
        Ok(Self { key, folder, name, durable: !key.is_volatile() })
    }
}

/// A record as it is kept. Its version is its nonce: fresh in every record that is written
/// (invariant I4), and the same for the next process.
fn decode(key: &RecordKey, bytes: &Bytes) -> Result<(Version, Record)> {
    let record = Record::from_bytes(bytes).map_err(|error| Error::Record(key.clone(), error))?;
    Ok((Version::new(record.nonce().to_string()), record))
}
