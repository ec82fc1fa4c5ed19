//! From the wire to the store: while some buffers are hashed and written, the next come in.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{StreamExt, join};

use crate::{
    digest::HashState,
    error::{BodyError, RegistryError},
    ports::{ContentWriter, HashBackend},
    registry::Body,
};

/// How many bytes are gathered before they are hashed and written, at most by one buffer more.
/// An upload holds about four times this in memory, with what the store has in flight; less makes
/// more trips to other threads.
const BATCH: usize = 128 << 10;

/// What came in of a body.
pub(super) struct Received {
    /// The hash of everything up to here.
    pub(super) hash: HashState,
    /// How many bytes came; all of them were handed to the writer.
    pub(super) length: u64,
    /// How the body ended.
    pub(super) end: Result<(), BodyError>,
}

/// Reads a body to its end. Each byte is hashed once and written once.
///
/// # Errors
/// Of the writer, and [`RegistryError::BlobTooLarge`] beyond `limit` bytes of the whole blob, of
/// which `offset` are there already.
pub(super) async fn receive(
    body: Body,
    offset: u64,
    limit: u64,
    mut hash: HashState,
    backend: &dyn HashBackend,
    writer: &mut dyn ContentWriter,
) -> Result<Received, RegistryError> {
    let mut intake = Intake::new(body);
    let mut length = 0;
    loop {
        let batch = intake.batch().await;
        if batch.is_empty() {
            return Ok(Received { hash, length, end: intake.end.unwrap_or(Ok(())) });
        }
        length += batch.iter().map(|buffer| buffer.len() as u64).sum::<u64>();
        if offset.saturating_add(length) > limit {
            return Err(RegistryError::BlobTooLarge { limit });
        }
        // The write first: hashing may be done in line, and would keep it from starting.
        let work =
            async { join!(writer.write(batch.clone()), backend.update(hash, batch.clone())) };
        let (written, hashed) = intake.while_working(work).await;
        written?;
        hash = hashed;
    }
}

/// The body's buffers that came in and were not processed yet.
struct Intake {
    body: Body,
    buffers: Vec<Bytes>,
    size: usize,
    end: Option<Result<(), BodyError>>,
}

impl Intake {
    const fn new(body: Body) -> Self {
        Self { body, buffers: Vec::new(), size: 0, end: None }
    }

    /// What came in, at least one buffer unless the body has ended.
    async fn batch(&mut self) -> Vec<Bytes> {
        poll_fn(|cx| {
            self.fill(cx);
            if self.buffers.is_empty() && self.end.is_none() {
                return Poll::Pending;
            }
            self.size = 0;
            Poll::Ready(std::mem::take(&mut self.buffers))
        })
        .await
    }

    /// Works, and takes in what comes meanwhile.
    async fn while_working<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| {
            let done = work.as_mut().poll(cx);
            self.fill(cx);
            done
        })
        .await
    }

    /// Takes what is there, without waiting.
    fn fill(&mut self, cx: &mut Context<'_>) {
        while self.size < BATCH && self.end.is_none() {
            match self.body.poll_next_unpin(cx) {
                Poll::Pending => return,
                Poll::Ready(None) => self.end = Some(Ok(())),
                Poll::Ready(Some(Err(error))) => self.end = Some(Err(error)),
                Poll::Ready(Some(Ok(bytes))) if bytes.is_empty() => {}
                Poll::Ready(Some(Ok(bytes))) => {
                    self.size += bytes.len();
                    self.buffers.push(bytes);
                }
            }
        }
    }
}
