//! Reading a content off the reactor.

use std::{fs::File, ops::Range, os::unix::fs::FileExt, sync::Arc};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use registry_core::ports::StoreError;
use tokio::task::spawn_blocking;

use super::{
    error::{Context, Result},
    joined,
};

/// Large enough that a hop between threads costs little, small enough that a slow client holds
/// little: at most two at a time.
const CHUNK: u64 = 256 << 10;

/// Streams a range of a file; while one chunk is sent, the next is read.
///
/// It reads from the file that the content was given with, which also a frontend may map or send:
/// so these reads do not go through [`Calls`](super::calls::Calls).
pub(super) fn read(file: File, range: Range<u64>) -> BoxStream<'static, Result<Bytes, StoreError>> {
    let file = Arc::new(file);
    let starts =
        (0..(range.end - range.start).div_ceil(CHUNK)).map(move |n| range.start + n * CHUNK);
    let chunks = starts.map(move |start| start..range.end.min(start + CHUNK));
    let reads = stream::iter(chunks).map(move |chunk| {
        let file = Arc::clone(&file);
        spawn_blocking(move || read_chunk(&file, &chunk))
    });
    reads.buffered(2).map(|read| Ok(joined(read)??)).boxed()
}

fn read_chunk(file: &File, chunk: &Range<u64>) -> Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(chunk.end - chunk.start).unwrap_or(usize::MAX)];
    // A content that became shorter is an error, never a shorter answer.
    file.read_exact_at(&mut bytes, chunk.start).to("read a content")?;
    Ok(bytes.into())
}
