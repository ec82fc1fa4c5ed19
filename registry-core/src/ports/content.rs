//! Stored bytes on their way out.

use std::{
    fmt,
    fs::File,
    future::poll_fn,
    ops::Range,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::StoreError;

/// A range of a sealed content, ready to be read.
pub struct Content {
    size: u64,
    range: Range<u64>,
    bytes: ContentBytes,
    meter: Option<Box<dyn ContentMeter>>,
}

/// Counts the bytes of a content as they go out, and lets them.
pub trait ContentMeter: Send + 'static {
    /// How many bytes may go out now, one at least. A reader waits for this before each piece.
    ///
    /// # Errors
    /// When no more may go out; the content ends there.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<u64, StoreError>>;

    /// So many bytes went out, as many as may at most.
    fn sent(&mut self, bytes: u64);
}

/// Where the bytes of the range come from.
#[non_exhaustive]
pub enum ContentBytes {
    /// They are in memory: exactly the range.
    Memory(Bytes),
    /// An open file that holds the whole content from its offset 0, and how to read the range
    /// from it off the caller's thread.
    File(File, fn(File, Range<u64>) -> BoxStream<'static, Result<Bytes, StoreError>>),
    /// A stream of exactly the range.
    Stream(BoxStream<'static, Result<Bytes, StoreError>>),
}

impl Content {
    /// A range of a content that has `size` bytes as a whole.
    #[must_use]
    pub const fn new(size: u64, range: Range<u64>, bytes: ContentBytes) -> Self {
        Self { size, range, bytes, meter: None }
    }

    /// The same content, whose bytes are counted as they go out.
    #[must_use]
    pub fn metered(self, meter: Box<dyn ContentMeter>) -> Self {
        Self { meter: Some(meter), ..self }
    }

    /// Takes the meter off, for a frontend that asks it itself before each piece that it sends, and
    /// tells it afterwards.
    #[must_use]
    pub fn take_meter(&mut self) -> Option<Box<dyn ContentMeter>> {
        self.meter.take()
    }

    /// Turns it into a stream of exactly the range. Reading it never blocks.
    #[must_use]
    pub fn into_stream(self) -> BoxStream<'static, Result<Bytes, StoreError>> {
        let stream = match self.bytes {
            ContentBytes::Memory(bytes) => stream::once(async { Ok(bytes) }).boxed(),
            ContentBytes::File(file, read) => read(file, self.range),
            ContentBytes::Stream(stream) => stream,
        };
        match self.meter {
            Some(meter) => metered(stream, meter),
            None => stream,
        }
    }

    /// Takes the open file and the range to send of it, for a frontend that can map or send
    /// files.
    ///
    /// # Errors
    /// Gives the content back where there is no file, or a meter that was not taken off.
    pub fn into_file(self) -> Result<(File, Range<u64>), Self> {
        match self.bytes {
            _ if self.meter.is_some() => Err(self),
            ContentBytes::File(file, _) => Ok((file, self.range)),
            bytes => Err(Self { bytes, ..self }),
        }
    }

    /// The size in bytes of the whole content, whatever the range.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The range of bytes that will be sent.
    #[must_use]
    pub const fn range(&self) -> &Range<u64> {
        &self.range
    }
}

fn metered(
    stream: BoxStream<'static, Result<Bytes, StoreError>>,
    meter: Box<dyn ContentMeter>,
) -> BoxStream<'static, Result<Bytes, StoreError>> {
    let start = (stream, meter, Bytes::new());
    stream::try_unfold(start, |(mut stream, mut meter, mut piece)| async move {
        while piece.is_empty() {
            let Some(next) = stream.try_next().await? else { return Ok(None) };
            piece = next;
        }
        let most = poll_fn(|cx| meter.poll_ready(cx)).await?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let bytes = piece.split_to(piece.len().min(most));
        meter.sent(bytes.len() as u64);
        Ok(Some((bytes, (stream, meter, piece))))
    })
    .boxed()
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({:?} of {})", self.range, self.size)
    }
}

impl fmt::Debug for ContentBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory(_) => "Memory",
            Self::File(..) => "File",
            Self::Stream(_) => "Stream",
        })
    }
}
