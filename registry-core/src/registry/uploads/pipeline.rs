//! From the wire to the store.

use std::{future::poll_fn, task::Poll};

use bytes::Bytes;
use futures::{StreamExt, join};

use crate::{
    digest::HashState,
    error::{BodyError, RegistryError},
    ports::{ContentWriter, HashBackend},
    registry::{Body, quota::Share},
};

/// How many bytes are gathered before they are hashed and written, at most by one buffer more: only
/// those that are there already, so that many small buffers do not cost a call each. More would only
/// take memory; what comes from the network at full speed comes in larger buffers.
const BATCH: usize = 128 << 10;

/// The most buffers of a batch. A body may come in pieces of one byte, of which each takes 32 bytes
/// more and may keep others alive: as many as there are bytes in [`BATCH`] would be megabytes. Where
/// they have 128 bytes and more, [`BATCH`] is full first.
const BUFFERS: usize = 1024;

/// What came in of a body.
pub(super) struct Received {
    /// The hash of everything up to here.
    pub(super) hash: HashState,
    /// How many bytes came; all of them were handed to the writer.
    pub(super) length: u64,
    /// How the body ended.
    pub(super) end: Result<(), BodyError>,
}

/// How much may come in of a body.
pub(super) struct Room<'a> {
    /// How many bytes of the blob are there already.
    pub(super) offset: u64,
    /// How many it may have as a whole.
    pub(super) limit: u64,
    /// What its namespace may keep: all that comes in is held here.
    pub(super) share: &'a mut Share,
}

/// Reads a body to its end. Each byte is hashed once and written once.
///
/// # Errors
/// Of the writer, and of a body for which there is no room: [`RegistryError::BlobTooLarge`],
/// [`RegistryError::QuotaExceeded`].
pub(super) async fn receive(
    body: Body,
    room: Room<'_>,
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
        if room.offset.saturating_add(length) > room.limit {
            return Err(RegistryError::BlobTooLarge { limit: room.limit });
        }
        room.share.hold_step(length).await?;
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
            while size < BATCH && batch.len() < BUFFERS && self.end.is_none() {
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use futures::{executor::block_on, stream};

    use super::*;
    use crate::{
        digest::Algorithm,
        ports::{Checkpoint, SealOptions, Sha2, StoreError},
    };

    /// How many buffers and how many bytes each batch had.
    type Batches = Vec<(usize, usize)>;

    fn measure(buffers: &[Bytes]) -> (usize, usize) {
        (buffers.len(), buffers.iter().map(Bytes::len).sum())
    }

    #[derive(Default)]
    struct Writer(Batches);

    #[async_trait]
    impl ContentWriter for Writer {
        async fn write(&mut self, buffers: Vec<Bytes>) -> Result<(), StoreError> {
            self.0.push(measure(&buffers));
            Ok(())
        }

        async fn checkpoint(&mut self) -> Result<Checkpoint, StoreError> {
            unreachable!("a body has no checkpoints")
        }

        async fn seal(&mut self, _: &SealOptions) -> Result<(), StoreError> {
            unreachable!("a body seals nothing")
        }
    }

    #[derive(Default)]
    struct Backend(Mutex<Batches>);

    #[async_trait]
    impl HashBackend for Backend {
        async fn update(&self, state: HashState, buffers: Vec<Bytes>) -> HashState {
            self.0.lock().unwrap().push(measure(&buffers));
            Sha2.update(state, buffers).await
        }
    }

    /// The batches of a body that is there at once, in pieces of this size.
    fn batches(bytes: &Bytes, piece: usize) -> Batches {
        let pieces: Vec<_> = bytes.chunks(piece).map(|piece| Ok(bytes.slice_ref(piece))).collect();
        let (backend, mut writer) = (Backend::default(), Writer::default());
        let hash = HashState::new(Algorithm::Sha256);
        let (body, mut share) = (stream::iter(pieces).boxed(), Share::unlimited());
        let room = Room { offset: 0, limit: u64::MAX, share: &mut share };
        let received = block_on(receive(body, room, hash, &backend, &mut writer)).unwrap();
        assert_eq!(received.length, bytes.len() as u64);
        assert_eq!(received.hash.finish(), Algorithm::Sha256.digest(bytes));
        assert_eq!(backend.0.into_inner().unwrap(), writer.0, "both get the same");
        writer.0
    }

    #[test]
    fn pieces_of_one_byte_are_gathered_up_to_a_number_of_them() {
        let bytes = Bytes::from(vec![0xa5; 10 * BUFFERS + 7]);
        let mut want = vec![(BUFFERS, BUFFERS); 10];
        want.push((7, 7));
        assert_eq!(batches(&bytes, 1), want);
    }

    #[test]
    fn larger_pieces_are_gathered_up_to_a_number_of_bytes() {
        let bytes = Bytes::from(vec![0xa5; 3 * BATCH]);
        assert_eq!(batches(&bytes, BATCH / BUFFERS), [(BUFFERS, BATCH); 3]);
        assert_eq!(batches(&bytes, BATCH - 1), [(2, 2 * BATCH - 2), (2, BATCH + 2)]);
        assert_eq!(batches(&bytes, 3 * BATCH), [(1, 3 * BATCH)]);
    }
}
