//! Stored bytes on their way out.

use std::{fmt, fs::File, ops::Range};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use super::StoreError;

/// A range of a sealed content, ready to be read.
pub struct Content {
    size: u64,
    range: Range<u64>,
    bytes: ContentBytes,
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
        Self { size, range, bytes }
    }

    /// Turns it into a stream of exactly the range. Reading it never blocks.
    #[must_use]
    pub fn into_stream(self) -> BoxStream<'static, Result<Bytes, StoreError>> {
        match self.bytes {
            ContentBytes::Memory(bytes) => stream::once(async { Ok(bytes) }).boxed(),
            ContentBytes::File(file, read) => read(file, self.range),
            ContentBytes::Stream(stream) => stream,
        }
    }

    /// Takes the open file and the range to send of it, for a frontend that can map or send
    /// files.
    ///
    /// # Errors
    /// Gives the content back where there is no file.
    pub fn into_file(self) -> Result<(File, Range<u64>), Self> {
        match self.bytes {
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
