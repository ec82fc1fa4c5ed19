//! From the wire to the store.

use std::{future::poll_fn, task::Poll};

use bytes::Bytes;
use futures::{StreamExt, join};

use crate::{
    digest::HashState,
    error::{BodyError, RegistryError},
    ports::{ContentWriter, HashBackend},
    registry::Body,
};

/// How many bytes are gathered before they are hashed and written, at most by one buffer more: only
/// those that are there already, so that many small buffers do not cost a call each. More would only
/// take memory; what comes from the network at full speed comes in larger buffers.
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
    let mut intake = Intake { body, end: None };
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
        // The write first: hashing may be done in line, and would keep it from starting. The writer
        // may go on with it while the next buffers come in.
        let (written, hashed) = join!(writer.write(batch.clone()), backend.update(hash, batch));
        written?;
        hash = hashed;
    }
}

/// The rest of a body.
struct Intake {
    body: Body,
    /// How it ended, once it has.
    end: Option<Result<(), BodyError>>,
}

impl Intake {
    /// What came in, at least one buffer unless the body has ended.
    async fn batch(&mut self) -> Vec<Bytes> {
        let (mut batch, mut size) = (Vec::new(), 0);
        poll_fn(|cx| {
            while size < BATCH && self.end.is_none() {
                match self.body.poll_next_unpin(cx) {
                    Poll::Pending if batch.is_empty() => return Poll::Pending,
                    Poll::Pending => break,
                    Poll::Ready(None) => self.end = Some(Ok(())),
                    Poll::Ready(Some(Err(error))) => self.end = Some(Err(error)),
                    Poll::Ready(Some(Ok(bytes))) if bytes.is_empty() => {}
                    Poll::Ready(Some(Ok(bytes))) => {
                        size += bytes.len();
                        batch.push(bytes);
                    }
                }
            }
            Poll::Ready(std::mem::take(&mut batch))
        })
        .await
    }
}
