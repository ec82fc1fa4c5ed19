//! A store with something between it and its caller.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    future,
    stream::{self, BoxStream, StreamExt, TryStreamExt},
};

use crate::{
    ports::{
        Checkpoint, Content, ContentId, ContentInfo, ContentLimits, ContentStore, ContentWriter,
        DeleteOutcome, Expect, KeyRange, Lookup, PutOutcome, ReadOptions, RecordEntry, RecordStore,
        RedirectOptions, SealOptions, StoreError, Version, WriteOptions,
    },
    record::{Record, RecordKey},
};

/// One call of a storage port.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the ports have these methods and no other")]
pub enum Call {
    /// [`ContentStore::open`]
    Open(ContentId),
    /// [`ContentWriter::write`]
    Write(ContentId),
    /// [`ContentWriter::checkpoint`]
    Checkpoint(ContentId),
    /// [`ContentWriter::seal`]
    Seal(ContentId),
    /// [`ContentStore::read`]
    Read(ContentId),
    /// [`ContentStore::redirect`]
    Redirect(ContentId),
    /// [`ContentStore::delete`]
    DeleteContent(ContentId),
    /// [`ContentStore::list`]
    ListContents,
    /// [`RecordStore::get`]
    Get(RecordKey),
    /// [`RecordStore::put`]
    Put(RecordKey),
    /// [`RecordStore::delete`]
    DeleteRecord(RecordKey),
    /// [`RecordStore::list`], with its prefix
    ListRecords(String),
}

/// Sees every call that a [`Tapped`] store gets, may hold it back and may make it fail.
#[async_trait]
pub trait Tap: Send + Sync + 'static {
    /// What it remembers of a call until the answer comes.
    type Ticket: Send;

    /// Before the call reaches the store.
    ///
    /// # Errors
    /// The caller gets the error, and the store never gets the call.
    async fn before(&self, call: Call) -> Result<Self::Ticket, StoreError>;

    /// After the store did what was asked.
    ///
    /// # Errors
    /// The caller gets the error in place of the store's answer.
    async fn after(&self, ticket: Self::Ticket) -> Result<(), StoreError>;
}

/// A store, of either port or both, with a tap before it. Stores that share a tap are seen by it
/// as one.
#[derive(Debug)]
pub struct Tapped<S, T> {
    store: Arc<S>,
    tap: Arc<T>,
}

impl<S, T> Tapped<S, T> {
    /// Puts a tap before a store.
    #[must_use]
    pub fn new(store: S, tap: &Arc<T>) -> Self {
        Self { store: Arc::new(store), tap: Arc::clone(tap) }
    }
}

/// Lets a call through.
async fn pass<R>(
    tap: &impl Tap,
    call: Call,
    answer: impl Future<Output = Result<R, StoreError>>,
) -> Result<R, StoreError> {
    let ticket = tap.before(call).await?;
    let answer = answer.await?;
    tap.after(ticket).await?;
    Ok(answer)
}

/// Lets a listing through: one call, whose answer ends when the stream does.
fn pass_listing<R: Send + 'static>(
    tap: Arc<impl Tap>,
    call: Call,
    list: impl FnOnce() -> BoxStream<'static, Result<R, StoreError>> + Send + 'static,
) -> BoxStream<'static, Result<R, StoreError>> {
    let listed = async move {
        let ticket = tap.before(call).await?;
        let end = stream::once(async move { tap.after(ticket).await.err() });
        let end = end.filter_map(|error| future::ready(error.map(Err)));
        Ok::<_, StoreError>(list().chain(end))
    };
    stream::once(listed).try_flatten().boxed()
}

#[async_trait]
impl<S: ContentStore, T: Tap> ContentStore for Tapped<S, T> {
    fn limits(&self) -> ContentLimits {
        self.store.limits()
    }

    async fn open(
        &self,
        id: &ContentId,
        at: &Checkpoint,
        options: &WriteOptions,
    ) -> Result<Box<dyn ContentWriter>, StoreError> {
        let opened = self.store.open(id, at, options);
        let writer = pass(&*self.tap, Call::Open(*id), opened).await?;
        Ok(Box::new(TappedWriter { id: *id, writer, tap: Arc::clone(&self.tap) }))
    }

    async fn read(
        &self,
        id: &ContentId,
        options: &ReadOptions,
    ) -> Result<Option<Content>, StoreError> {
        pass(&*self.tap, Call::Read(*id), self.store.read(id, options)).await
    }

    async fn redirect(
        &self,
        id: &ContentId,
        options: &RedirectOptions,
    ) -> Result<Option<String>, StoreError> {
        pass(&*self.tap, Call::Redirect(*id), self.store.redirect(id, options)).await
    }

    async fn delete(&self, id: &ContentId) -> Result<bool, StoreError> {
        pass(&*self.tap, Call::DeleteContent(*id), self.store.delete(id)).await
    }

    fn list(
        &self,
        after: Option<ContentId>,
    ) -> BoxStream<'static, Result<ContentInfo, StoreError>> {
        let store = Arc::clone(&self.store);
        pass_listing(Arc::clone(&self.tap), Call::ListContents, move || store.list(after))
    }
}

struct TappedWriter<T> {
    id: ContentId,
    writer: Box<dyn ContentWriter>,
    tap: Arc<T>,
}

#[async_trait]
impl<T: Tap> ContentWriter for TappedWriter<T> {
    async fn write(&mut self, buffers: Vec<Bytes>) -> Result<(), StoreError> {
        pass(&*self.tap, Call::Write(self.id), self.writer.write(buffers)).await
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, StoreError> {
        pass(&*self.tap, Call::Checkpoint(self.id), self.writer.checkpoint()).await
    }

    async fn seal(&mut self, options: &SealOptions) -> Result<(), StoreError> {
        pass(&*self.tap, Call::Seal(self.id), self.writer.seal(options)).await
    }
}

#[async_trait]
impl<S: RecordStore, T: Tap> RecordStore for Tapped<S, T> {
    async fn get(&self, key: &RecordKey, known: Option<&Version>) -> Result<Lookup, StoreError> {
        pass(&*self.tap, Call::Get(key.clone()), self.store.get(key, known)).await
    }

    async fn put(
        &self,
        key: &RecordKey,
        record: Record,
        expect: Expect,
    ) -> Result<PutOutcome, StoreError> {
        pass(&*self.tap, Call::Put(key.clone()), self.store.put(key, record, expect)).await
    }

    async fn delete(
        &self,
        key: &RecordKey,
        version: &Version,
    ) -> Result<DeleteOutcome, StoreError> {
        pass(&*self.tap, Call::DeleteRecord(key.clone()), self.store.delete(key, version)).await
    }

    fn list(&self, range: KeyRange) -> BoxStream<'static, Result<RecordEntry, StoreError>> {
        let (store, call) = (Arc::clone(&self.store), Call::ListRecords(range.prefix.clone()));
        pass_listing(Arc::clone(&self.tap), call, move || store.list(range))
    }
}
