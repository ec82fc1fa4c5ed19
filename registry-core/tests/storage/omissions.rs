//! The storage protocol with one step left out, by stores that undo the step behind the
//! registry's back. An explorer that finds no order in which this loses data would find nothing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use registry_core::{
    digest::Digest,
    ports::{
        Checkpoint, Content, ContentId, ContentInfo, ContentLimits, ContentStore, ContentWriter,
        DeleteOutcome, Expect, KeyRange, Lookup, PutOutcome, ReadOptions, RecordEntry, RecordStore,
        RedirectOptions, SealOptions, StoreError, Version, WriteOptions,
    },
    record::{
        BlobRecord, BlobState, LinkRecord, LinkState, ManifestRecord, ManifestState, Nonce, Record,
        RecordKey, TagRecord, Typed, UploadRecord, UploadState,
    },
};

use crate::plain::{PlainContents, PlainRecords};

/// What is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Omission {
    /// Contents have names that no other has: here they are named by their digest.
    FreshNames,
    /// A manifest is pending before its references are read: here nobody sees it until it is
    /// committed.
    ManifestFirst,
    /// A manifest has another incarnation in each life: here all have the same.
    Incarnation,
    /// The manifest is read again after the tags: here its writer sees what it saw before.
    LastLook,
    /// The upload is read again after the blob record: here its closer sees what it wrote.
    UploadReadAgain,
    /// The upload is read again once its content is open: here its writer sees what it saw before.
    UploadReadOnceOpen,
    /// A dropped upload renews the blob record's nonce: here nothing is written.
    RenewedNonce,
    /// A blob that somebody relies on is renewed when it is old: here it stays as old.
    RenewedTime,
    /// When somebody else changes the blob that is being renewed, it is read again: here that is
    /// taken for a renewal too.
    RenewalConflict,
    /// A condemned link is live again before a blob is said to be there: here it stays condemned
    /// until a manifest needs it.
    LinkRescue,
}

/// The stores as one process sees them.
#[derive(Clone)]
pub(crate) struct Without {
    contents: PlainContents,
    records: PlainRecords,
    omission: Option<Omission>,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    records: BTreeMap<RecordKey, (Version, Record)>,
    /// The kind of the record that was read or written last, or `CONTENT`.
    last: String,
}

/// A content was opened last.
const CONTENT: &str = "content";

/// The version of a record that nobody else sees.
const WITHHELD: &str = "withheld";

impl Without {
    pub(crate) fn new(
        contents: PlainContents,
        records: PlainRecords,
        omission: Option<Omission>,
    ) -> Self {
        Self { contents, records, omission, memory: Arc::default() }
    }

    fn omits(&self, omission: Omission) -> bool {
        self.omission == Some(omission)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the process believes to read, where it is not what is there.
    fn believed(&self, key: &RecordKey) -> Option<(Version, Record)> {
        let memory = self.memory();
        let believes = match self.omission {
            Some(Omission::ManifestFirst) => true,
            Some(Omission::LastLook) => memory.last == "tag",
            Some(Omission::UploadReadAgain) => key.kind() == "upload" && memory.last == "blob",
            Some(Omission::UploadReadOnceOpen) => key.kind() == "upload" && memory.last == CONTENT,
            _ => false,
        };
        memory.records.get(key).filter(|_| believes).cloned()
    }

    fn remember(&self, key: &RecordKey, version: &Version, record: &Record) {
        let remembers = match self.omission {
            Some(Omission::LastLook) => key.kind() == "manifest",
            Some(Omission::UploadReadAgain) => record
                .view::<UploadRecord>()
                .is_ok_and(|upload| matches!(upload.state, UploadState::Closing { .. })),
            Some(Omission::UploadReadOnceOpen) => key.kind() == "upload",
            Some(Omission::RenewalConflict) => key.kind() == "blob",
            Some(Omission::LinkRescue) => key.kind() == "manifest",
            _ => false,
        };
        if remembers {
            self.memory().records.insert(key.clone(), (version.clone(), record.clone()));
        }
    }

    /// What is written in place of a record.
    fn rewritten(&self, key: &RecordKey, record: Record) -> Record {
        let same: Nonce = "00000000000000000000000000000000".parse().expect("a nonce");
        let nonce = record.nonce();
        if self.omits(Omission::Incarnation) {
            if let Ok(mut manifest) = ManifestRecord::decode(&record) {
                manifest.incarnation = same;
                return manifest.encode(nonce);
            }
            if let Ok(tag) = TagRecord::decode(&record) {
                return TagRecord { incarnation: same, ..tag }.encode(nonce);
            }
        }
        if self.omits(Omission::FreshNames)
            && let Ok(mut blob) = BlobRecord::decode(&record)
        {
            blob.content = named(&key.after("blob/").expect("a blob's key ends in its digest"));
            return blob.encode(nonce);
        }
        record
    }

    /// Whether the process would not have written the record, had it not the step that is left
    /// out: its only news are a nonce, an incarnation, or that there is nothing.
    fn is_needless(&self, found: Option<&Record>, new: &Record) -> bool {
        match self.omission {
            Some(Omission::RenewedNonce) => BlobRecord::decode(new).is_ok_and(|new| match found {
                Some(found) => BlobRecord::decode(found).is_ok_and(|found| found == new),
                None => new.state == BlobState::Gone,
            }),
            Some(Omission::Incarnation) => TagRecord::decode(new).is_ok_and(|new| {
                let found = found.and_then(|found| TagRecord::decode(found).ok());
                found.is_some_and(|found| found.digest == new.digest)
            }),
            Some(Omission::RenewedTime) => found.is_some_and(|found| is_renewal(found, new)),
            Some(Omission::LinkRescue) => {
                let is = |record, state| {
                    LinkRecord::decode(record).is_ok_and(|link| link.state == state)
                };
                let rescue = is(new, LinkState::Live)
                    && found.is_some_and(|found| is(found, LinkState::Condemned));
                rescue && self.memory().records.is_empty()
            }
            _ => false,
        }
    }
}

/// Whether a blob stays as it is, but for its time.
fn is_renewal(found: &Record, new: &Record) -> bool {
    let live = |record| BlobRecord::decode(record).ok().filter(|b| b.state == BlobState::Live);
    live(found).zip(live(new)).is_some_and(|(found, new)| found.content == new.content)
}

/// The name of the content with this digest, were contents named so.
fn named(digest: &Digest) -> ContentId {
    let hex = digest.hex();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32]];
    parts.join("-").parse().expect("it has the form of an id")
}

#[async_trait]
impl RecordStore for Without {
    async fn get(&self, key: &RecordKey, known: Option<&Version>) -> Result<Lookup, StoreError> {
        let believed = self.believed(key);
        self.memory().last = key.kind().to_owned();
        if let Some((version, record)) = believed {
            return Ok(Lookup::Found(version, record));
        }
        let found = self.records.get(key, known).await?;
        if let Lookup::Found(version, record) = &found {
            self.remember(key, version, record);
        }
        Ok(found)
    }

    async fn put(
        &self,
        key: &RecordKey,
        record: Record,
        expect: Expect,
    ) -> Result<PutOutcome, StoreError> {
        let record = self.rewritten(key, record);
        let found = match self.records.get(key, None).await? {
            Lookup::Found(version, record) => Some((version, record)),
            Lookup::Absent | Lookup::Unchanged => None,
        };
        self.memory().last = key.kind().to_owned();
        let withheld = Version::new(WITHHELD);
        let expect = match expect {
            Expect::Absent if self.omits(Omission::ManifestFirst) && is_pending(&record) => {
                if found.is_some() {
                    return Ok(PutOutcome::Conflict);
                }
                self.memory().records.insert(key.clone(), (withheld.clone(), record));
                return Ok(PutOutcome::Stored(withheld));
            }
            Expect::Version(version) if version == withheld => {
                self.memory().records.remove(key);
                Expect::Absent
            }
            expect => expect,
        };
        if self.is_needless(found.as_ref().map(|(_, record)| record), &record) {
            let version = found.map_or_else(|| Version::new("none"), |(version, _)| version);
            return Ok(PutOutcome::Stored(version));
        }
        let outcome = self.records.put(key, record.clone(), expect).await?;
        match &outcome {
            PutOutcome::Stored(version) => self.remember(key, version, &record),
            PutOutcome::Conflict if self.omits(Omission::RenewalConflict) => {
                if let Some((version, read)) = self.memory().records.get(key)
                    && is_renewal(read, &record)
                {
                    return Ok(PutOutcome::Stored(version.clone()));
                }
            }
            PutOutcome::Conflict => {}
        }
        Ok(outcome)
    }

    async fn delete(
        &self,
        key: &RecordKey,
        version: &Version,
    ) -> Result<DeleteOutcome, StoreError> {
        if version.as_str() == WITHHELD {
            self.memory().records.remove(key);
            return Ok(DeleteOutcome::Deleted);
        }
        self.records.delete(key, version).await
    }

    fn list(&self, range: KeyRange) -> BoxStream<'static, Result<RecordEntry, StoreError>> {
        self.records.list(range)
    }
}

fn is_pending(record: &Record) -> bool {
    record.view::<ManifestRecord>().is_ok_and(|record| record.state == ManifestState::Pending)
}

#[async_trait]
impl ContentStore for Without {
    fn limits(&self) -> ContentLimits {
        self.contents.limits()
    }

    async fn open(
        &self,
        id: &ContentId,
        at: &Checkpoint,
        options: &WriteOptions,
    ) -> Result<Box<dyn ContentWriter>, StoreError> {
        let writer = self.contents.open(id, at, options).await?;
        self.memory().last = CONTENT.to_owned();
        if self.omits(Omission::FreshNames) {
            return Ok(Box::new(Renaming { id: *id, writer, contents: self.contents.clone() }));
        }
        Ok(writer)
    }

    async fn read(
        &self,
        id: &ContentId,
        options: &ReadOptions,
    ) -> Result<Option<Content>, StoreError> {
        self.contents.read(id, options).await
    }

    async fn redirect(
        &self,
        id: &ContentId,
        options: &RedirectOptions,
    ) -> Result<Option<String>, StoreError> {
        self.contents.redirect(id, options).await
    }

    async fn delete(&self, id: &ContentId) -> Result<bool, StoreError> {
        self.contents.delete(id).await
    }

    fn list(
        &self,
        after: Option<ContentId>,
    ) -> BoxStream<'static, Result<ContentInfo, StoreError>> {
        self.contents.list(after)
    }
}

/// Gives a sealed content the name of its digest, as stores do whose contents are named so.
struct Renaming {
    id: ContentId,
    writer: Box<dyn ContentWriter>,
    contents: PlainContents,
}

#[async_trait]
impl ContentWriter for Renaming {
    async fn write(&mut self, buffers: Vec<Bytes>) -> Result<(), StoreError> {
        self.writer.write(buffers).await
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, StoreError> {
        self.writer.checkpoint().await
    }

    async fn seal(&mut self, options: &SealOptions) -> Result<(), StoreError> {
        self.writer.seal(options).await?;
        let bytes = self.contents.sealed(&self.id).expect("it was sealed just now");
        self.contents.adopt(named(&crate::client::digest(&bytes)), bytes);
        Ok(())
    }
}
