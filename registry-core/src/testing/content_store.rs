//! The contract of [`ContentStore`], clause by clause.

pub mod deleting;
pub mod listing;
pub mod reading;
pub mod restarting;
pub mod resuming;
pub mod sealing;
pub mod writing;

use std::future::Future;

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt};

use super::{
    Seeded,
    polling::{DROPPED_AFTER, drop_after, give_way},
};
use crate::ports::{
    Checkpoint, Content, ContentId, ContentInfo, ContentStore, ContentWriter, ReadOptions,
    SealOptions, StoreError, StoreErrorKind, WriteOptions,
};

/// How often to ask for a content whose last write may be in flight, a turn of the scheduler each.
const PATIENCE: usize = 1_000_000;

/// `N` ids in ascending order.
fn ids<const N: usize>() -> [ContentId; N] {
    let random = Seeded::default();
    let mut ids = [(); N].map(|()| ContentId::new(&random));
    ids.sort();
    ids
}

/// A piece of content that may be followed by another, unlike that of any other seed.
fn piece(store: &dyn ContentStore, seed: u8) -> Bytes {
    let length = store.limits().min_chunk.max(1000) + u64::from(seed);
    (0..length).map(|i| (i % 251) as u8 ^ seed).collect()
}

fn joined(pieces: &[&Bytes]) -> Bytes {
    let mut all = BytesMut::new();
    pieces.iter().for_each(|piece| all.extend_from_slice(piece));
    all.freeze()
}

async fn try_open(
    store: &dyn ContentStore,
    id: &ContentId,
    at: &Checkpoint,
) -> Result<Box<dyn ContentWriter>, StoreError> {
    store.open(id, at, &WriteOptions::default()).await
}

/// Opens a content that nobody has open, though the last write of a dropped writer may still be in
/// flight.
async fn open(store: &dyn ContentStore, id: &ContentId, at: &Checkpoint) -> Box<dyn ContentWriter> {
    once_free(|| try_open(store, id, at)).await.expect("opens")
}

/// Asks until the answer is not `Busy`.
async fn once_free<T, F>(mut ask: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    for _ in 0..PATIENCE {
        match ask().await {
            Err(error) if error.kind() == StoreErrorKind::Busy => give_way().await,
            answer => return answer,
        }
    }
    panic!("a content that nobody writes stays busy");
}

/// Writes, checkpoints and seals a whole content.
async fn seal(store: &dyn ContentStore, id: &ContentId, bytes: &Bytes) -> Checkpoint {
    let mut writer = open(store, id, &Checkpoint::START).await;
    let at = append(&mut *writer, bytes).await;
    writer.seal(&SealOptions::default()).await.expect("seals");
    at
}

/// Writes and checkpoints, and leaves the content half written.
async fn leave_open(store: &dyn ContentStore, id: &ContentId, bytes: &Bytes) -> Checkpoint {
    let mut writer = open(store, id, &Checkpoint::START).await;
    append(&mut *writer, bytes).await
}

async fn append(writer: &mut dyn ContentWriter, bytes: &Bytes) -> Checkpoint {
    writer.write(vec![bytes.clone()]).await.expect("writes");
    writer.checkpoint().await.expect("checkpoints")
}

async fn content(store: &dyn ContentStore, id: &ContentId) -> Option<Content> {
    store.read(id, &ReadOptions::default()).await.expect("reads")
}

/// A sealed content's bytes.
async fn whole(store: &dyn ContentStore, id: &ContentId) -> Bytes {
    let content = content(store, id).await.expect("the content is there");
    assert_eq!(*content.range(), 0..content.size(), "no range was asked for");
    drain(content).await
}

async fn drain(content: Content) -> Bytes {
    let pieces: Vec<Bytes> = content.into_stream().try_collect().await.expect("streams");
    joined(&pieces.iter().collect::<Vec<_>>())
}

async fn list(store: &dyn ContentStore, after: Option<ContentId>) -> Vec<ContentInfo> {
    store.list(after).map(|entry| entry.expect("lists")).collect().await
}

/// The kind of the error, where there must be one.
#[track_caller]
fn refused<T>(answer: Result<T, StoreError>) -> StoreErrorKind {
    match answer {
        Ok(_) => panic!("the store did what it must refuse"),
        Err(error) => error.kind(),
    }
}
