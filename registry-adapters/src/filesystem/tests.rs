//! What only shows at the seam of the system calls: their order, and what happens when one fails.

mod faults;
mod full;
mod lines;
mod memory;
mod opening;
mod protocol;
mod seam;

use std::sync::Arc;

use bytes::Bytes;
use registry_core::{
    ports::{
        Checkpoint, ContentId, ContentStore, ContentWriter, Expect, Lookup, PutOutcome,
        ReadOptions, RecordStore, SealOptions, StoreError, Version, WriteOptions,
    },
    record::{Nonce, Record, RecordKey},
};
use tempfile::TempDir;

use self::seam::{Fault, Seam};
use super::{
    Durability, Filesystem, FilesystemContents, FilesystemRecords, OpenError, Options,
    calls::{Calls, How, Kind, Linux, Status},
};
use crate::system::SystemRandom;

/// A directory, opened through a seam.
struct Fixture {
    path: TempDir,
    seam: Arc<Seam>,
}

impl Fixture {
    /// In memory where that is possible: what a disk does is not asked here.
    fn new() -> Self {
        let path = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
        Self { path, seam: Arc::default() }
    }

    /// On a file system that keeps attributes.
    fn on_disk() -> Self {
        Self { path: TempDir::new().unwrap(), seam: Arc::default() }
    }

    fn open(&self) -> Result<Filesystem, OpenError> {
        self.open_with(Options::default())
    }

    fn open_with(&self, options: Options) -> Result<Filesystem, OpenError> {
        Filesystem::open_with(Arc::clone(&self.seam) as Arc<dyn Calls>, self.path.path(), options)
    }
}

fn key(text: &str) -> RecordKey {
    text.parse().unwrap()
}

fn record(body: &str) -> Record {
    let fields = std::collections::BTreeMap::<String, String>::new();
    Record::new("x-test", Nonce::new(&SystemRandom), &fields, body.to_owned().into()).unwrap()
}

async fn create(records: &FilesystemRecords, key: &RecordKey, body: &str) -> Version {
    let outcome = records.put(key, record(body), Expect::Absent).await.unwrap();
    let PutOutcome::Stored(version) = outcome else { panic!("{key} is there") };
    version
}

async fn body(records: &FilesystemRecords, key: &RecordKey) -> Result<Option<Bytes>, StoreError> {
    Ok(match records.get(key, None).await? {
        Lookup::Found(_, record) => Some(record.body().clone()),
        Lookup::Absent | Lookup::Unchanged => None,
    })
}

fn id() -> ContentId {
    ContentId::new(&SystemRandom)
}

async fn writer(
    contents: &FilesystemContents,
    id: &ContentId,
    at: &Checkpoint,
) -> Result<Box<dyn ContentWriter>, StoreError> {
    contents.open(id, at, &WriteOptions::default()).await
}

async fn append(writer: &mut dyn ContentWriter, bytes: &str) -> Result<Checkpoint, StoreError> {
    writer.write(vec![bytes.to_owned().into()]).await?;
    writer.checkpoint().await
}

async fn whole(contents: &FilesystemContents, id: &ContentId) -> Result<Option<Bytes>, StoreError> {
    use futures::TryStreamExt;
    match contents.read(id, &ReadOptions::default()).await? {
        None => Ok(None),
        Some(content) => {
            let parts: Vec<Bytes> = content.into_stream().try_collect().await?;
            Ok(Some(parts.concat().into()))
        }
    }
}
