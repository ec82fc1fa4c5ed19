//! The plainest stores that keep the contracts: maps behind one mutex, every call one step.
//!
//! They are deterministic, so that a run can be replayed, and they can be given a [`Flaw`], so
//! that the contracts can be shown to find it.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use registry_core::{
    ports::{
        Checkpoint, Content, ContentBytes, ContentId, ContentInfo, ContentLimits, ContentStore,
        ContentWriter, DeleteOutcome, Expect, KeyRange, Lookup, PutOutcome, ReadOptions,
        RecordEntry, RecordStore, RedirectOptions, SealOptions, StoreError, StoreErrorKind,
        Version, WriteOptions,
    },
    record::{Record, RecordKey},
};

/// A way to break a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Two writers of one content.
    NoExclusion,
    /// A content is deleted though somebody writes it.
    DeletesWhileWriting,
    /// What was written beyond the checkpoint stays.
    KeepsTail,
    /// What lies beyond an older checkpoint is cut though nothing is written there.
    CutsWhenOpened,
    /// Sealing keeps what was written after the last checkpoint.
    SealsTail,
    /// A sealed content can be written again.
    ReopensSealed,
    /// An open content can be read.
    ReadsUnsealed,
    /// A range is cut to the content.
    ClampsRanges,
    /// A content is made anew at any checkpoint.
    RevivesContents,
    /// Deleting what is absent says that it was there.
    DeletesAlways,
    /// A listing includes the key that it starts after.
    ListsFrom,
    /// A listing leaves out what is not sealed.
    ListsSealedOnly,
    /// A version is a digest of what the record says, without its nonce.
    VersionsByContent,
    /// A put does not compare.
    PutsBlindly,
    /// A deletion does not compare.
    DeletesBlindly,
    /// A listing compares components instead of bytes.
    ListsByComponent,
    /// A prefix need not end where a component ends.
    ListsNeighbours,
    /// A body ends at its first NUL.
    CutsBodies,
    /// Keys do not differ in case.
    FoldsCase,
    /// A known version hides that the record has changed.
    StaysUnchanged,
    /// A new process finds nothing.
    Forgets,
}

/// Contents in a map.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlainContents {
    contents: Arc<Mutex<BTreeMap<ContentId, Entry>>>,
    flaw: Option<Flaw>,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    bytes: Vec<u8>,
    sealed: bool,
    writers: usize,
}

impl PlainContents {
    pub(crate) fn flawed(flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..Self::default() }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// A store of its own that holds the same.
    pub(crate) fn fork(&self) -> Self {
        Self { contents: Arc::new(Mutex::new(self.lock().clone())), flaw: self.flaw }
    }

    /// Holds a sealed content with these bytes, unless the name is taken.
    pub(crate) fn adopt(&self, id: ContentId, bytes: Bytes) {
        let entry = Entry { bytes: bytes.into(), sealed: true, writers: 0 };
        self.lock().entry(id).or_insert(entry);
    }

    /// The bytes of a sealed content.
    pub(crate) fn sealed(&self, id: &ContentId) -> Option<Bytes> {
        let contents = self.lock();
        let entry = contents.get(id).filter(|entry| entry.sealed)?;
        Some(Bytes::copy_from_slice(&entry.bytes))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ContentId, Entry>> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ContentStore for PlainContents {
    fn limits(&self) -> ContentLimits {
        ContentLimits::default()
    }

    async fn open(
        &self,
        id: &ContentId,
        at: &Checkpoint,
        _: &WriteOptions,
    ) -> Result<Box<dyn ContentWriter>, StoreError> {
        let mut contents = self.lock();
        if !contents.contains_key(id) && at.offset() > 0 && !self.has(Flaw::RevivesContents) {
            return Err(StoreErrorKind::Lost.into());
        }
        let entry = contents.entry(*id).or_default();
        if entry.writers > 0 && !self.has(Flaw::NoExclusion) {
            return Err(StoreErrorKind::Busy.into());
        }
        let length = entry.bytes.len() as u64;
        if entry.sealed && at.offset() != length && !self.has(Flaw::ReopensSealed) {
            return Err(StoreErrorKind::Sealed.into());
        }
        if length < at.offset() && !self.has(Flaw::RevivesContents) {
            return Err(StoreErrorKind::Lost.into());
        }
        if self.has(Flaw::CutsWhenOpened) {
            entry.bytes.truncate(at.offset() as usize);
        }
        entry.writers += 1;
        let end = if self.has(Flaw::KeepsTail) { length } else { length.min(at.offset()) } as usize;
        Ok(Box::new(PlainWriter { store: self.clone(), id: *id, checkpoint: end, end }))
    }

    async fn read(
        &self,
        id: &ContentId,
        options: &ReadOptions,
    ) -> Result<Option<Content>, StoreError> {
        let contents = self.lock();
        let Some(entry) = contents.get(id) else { return Ok(None) };
        if !entry.sealed && !self.has(Flaw::ReadsUnsealed) {
            return Ok(None);
        }
        let size = entry.bytes.len() as u64;
        let mut range = options.range.clone().unwrap_or(0..size);
        if self.has(Flaw::ClampsRanges) {
            range = range.start.min(size)..range.end.min(size);
        }
        let bytes = entry
            .bytes
            .get(range.start as usize..range.end as usize)
            .ok_or(StoreErrorKind::Corrupt)?;
        let bytes = ContentBytes::Memory(Bytes::copy_from_slice(bytes));
        Ok(Some(Content::new(size, range, bytes)))
    }

    async fn redirect(
        &self,
        _: &ContentId,
        _: &RedirectOptions,
    ) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    async fn delete(&self, id: &ContentId) -> Result<bool, StoreError> {
        let mut contents = self.lock();
        let busy = contents.get(id).is_some_and(|entry| entry.writers > 0);
        if busy && !self.has(Flaw::DeletesWhileWriting) {
            return Err(StoreErrorKind::Busy.into());
        }
        Ok(contents.remove(id).is_some() || self.has(Flaw::DeletesAlways))
    }

    fn list(
        &self,
        after: Option<ContentId>,
    ) -> BoxStream<'static, Result<ContentInfo, StoreError>> {
        let start = match after {
            None => Bound::Unbounded,
            Some(id) if self.has(Flaw::ListsFrom) => Bound::Included(id),
            Some(id) => Bound::Excluded(id),
        };
        let contents = self.lock();
        let listed = contents
            .range((start, Bound::Unbounded))
            .filter(|(_, entry)| entry.sealed || !self.has(Flaw::ListsSealedOnly))
            .map(|(id, entry)| Ok(ContentInfo { id: *id, sealed: entry.sealed }));
        stream::iter(listed.collect::<Vec<_>>()).boxed()
    }
}

struct PlainWriter {
    store: PlainContents,
    id: ContentId,
    /// The offset of the last checkpoint.
    checkpoint: usize,
    /// The offset of the next byte. What lies beyond was there before this writer, and may be that
    /// of a newer checkpoint: it stays until something is written or sealed here.
    end: usize,
}

impl PlainWriter {
    /// Does something to the content, which is there unless a flaw let it be deleted.
    fn with<R>(&self, act: impl FnOnce(&mut Entry) -> R) -> Result<R, StoreError> {
        let mut contents = self.store.lock();
        contents.get_mut(&self.id).map(act).ok_or_else(|| StoreErrorKind::Lost.into())
    }
}

#[async_trait]
impl ContentWriter for PlainWriter {
    async fn write(&mut self, buffers: Vec<Bytes>) -> Result<(), StoreError> {
        let (end, reopens) = (self.end, self.store.has(Flaw::ReopensSealed));
        self.end = self.with(|entry| {
            if entry.sealed && !reopens {
                return Err(StoreError::new(StoreErrorKind::Sealed));
            }
            entry.bytes.truncate(end);
            buffers.iter().for_each(|buffer| entry.bytes.extend_from_slice(buffer));
            Ok(entry.bytes.len())
        })??;
        Ok(())
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, StoreError> {
        self.with(|_| ())?;
        self.checkpoint = self.end;
        Checkpoint::new(self.checkpoint as u64, Bytes::new())
            .map_err(|error| StoreError::with_source(StoreErrorKind::Other, error))
    }

    async fn seal(&mut self, _: &SealOptions) -> Result<(), StoreError> {
        let keeps_tail = self.store.has(Flaw::SealsTail);
        self.with(|entry| {
            if !keeps_tail {
                entry.bytes.truncate(self.checkpoint);
            }
            entry.sealed = true;
        })
    }
}

impl Drop for PlainWriter {
    fn drop(&mut self) {
        let keeps_tail = self.store.has(Flaw::KeepsTail);
        // Absent only where a flaw let it be deleted.
        let _ = self.with(|entry| {
            if !keeps_tail && !entry.sealed && self.end > self.checkpoint {
                entry.bytes.truncate(self.checkpoint);
            }
            entry.writers -= 1;
        });
    }
}

/// Records in a map; a version is the number of a put.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlainRecords {
    state: Arc<Mutex<RecordState>>,
    flaw: Option<Flaw>,
}

#[derive(Clone, Debug, Default)]
struct RecordState {
    records: BTreeMap<RecordKey, (Version, Record)>,
    puts: u64,
}

impl PlainRecords {
    pub(crate) fn flawed(flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..Self::default() }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// A store of its own that holds the same.
    pub(crate) fn fork(&self) -> Self {
        Self { state: Arc::new(Mutex::new(self.lock().clone())), flaw: self.flaw }
    }

    /// Holds a record, whatever it held there.
    pub(crate) fn adopt(&self, key: RecordKey, record: Record) {
        let mut state = self.lock();
        state.puts += 1;
        let version = self.version(state.puts, &record);
        state.records.insert(key, (version, record));
    }

    /// Every record.
    pub(crate) fn all(&self) -> Vec<(RecordKey, Record)> {
        let state = self.lock();
        state.records.iter().map(|(key, (_, record))| (key.clone(), record.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, RecordState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, key: &RecordKey) -> RecordKey {
        if self.has(Flaw::FoldsCase) {
            return key.as_str().to_lowercase().parse().expect("it is still a key");
        }
        key.clone()
    }

    fn version(&self, puts: u64, record: &Record) -> Version {
        if self.has(Flaw::VersionsByContent) {
            let text = String::from_utf8_lossy(&record.to_bytes()).into_owned();
            return Version::new(text.replace(&record.nonce().to_string(), ""));
        }
        Version::new(puts.to_string())
    }
}

#[async_trait]
impl RecordStore for PlainRecords {
    async fn get(&self, key: &RecordKey, known: Option<&Version>) -> Result<Lookup, StoreError> {
        Ok(match self.lock().records.get(&self.key(key)) {
            None => Lookup::Absent,
            Some((version, _))
                if known
                    .is_some_and(|known| known == version || self.has(Flaw::StaysUnchanged)) =>
            {
                Lookup::Unchanged
            }
            Some((version, record)) => Lookup::Found(version.clone(), record.clone()),
        })
    }

    async fn put(
        &self,
        key: &RecordKey,
        mut record: Record,
        expect: Expect,
    ) -> Result<PutOutcome, StoreError> {
        let mut state = self.lock();
        let key = self.key(key);
        let found = state.records.get(&key).map(|(version, _)| version);
        let expected = match &expect {
            Expect::Absent => None,
            Expect::Version(version) => Some(version),
        };
        if found != expected && !self.has(Flaw::PutsBlindly) {
            return Ok(PutOutcome::Conflict);
        }
        if self.has(Flaw::CutsBodies) {
            let stored = record.to_bytes();
            let end = stored.iter().position(|b| *b == 0).unwrap_or(stored.len());
            record = Record::from_bytes(&stored.slice(..end))?;
        }
        state.puts += 1;
        let version = self.version(state.puts, &record);
        state.records.insert(key, (version.clone(), record));
        Ok(PutOutcome::Stored(version))
    }

    async fn delete(
        &self,
        key: &RecordKey,
        version: &Version,
    ) -> Result<DeleteOutcome, StoreError> {
        let mut state = self.lock();
        let key = self.key(key);
        let found = state.records.get(&key).map(|(version, _)| version);
        if found != Some(version) && !self.has(Flaw::DeletesBlindly) {
            return Ok(DeleteOutcome::Conflict);
        }
        state.records.remove(&key);
        Ok(DeleteOutcome::Deleted)
    }

    fn list(&self, range: KeyRange) -> BoxStream<'static, Result<RecordEntry, StoreError>> {
        let after = format!("{}{}", range.prefix, range.after.as_deref().unwrap_or_default());
        let prefix = match range.prefix.strip_suffix('/') {
            Some(prefix) if self.has(Flaw::ListsNeighbours) => prefix,
            _ => &range.prefix,
        };
        let mut listed: Vec<RecordEntry> = self
            .lock()
            .records
            .iter()
            .filter(|(key, _)| key.as_str().starts_with(prefix))
            .filter(|(key, _)| {
                key.as_str() > after.as_str()
                    || self.has(Flaw::ListsFrom) && key.as_str() == after.as_str()
            })
            .map(|(key, found)| RecordEntry { key: key.clone(), record: Some(found.clone()) })
            .collect();
        if self.has(Flaw::ListsByComponent) {
            listed.sort_by(|a, b| a.key.as_str().split('/').cmp(b.key.as_str().split('/')));
        }
        stream::iter(listed.into_iter().map(Ok)).boxed()
    }
}
