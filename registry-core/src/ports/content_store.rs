//! The port for immutable bytes.

use std::{fmt, ops::Range, str::FromStr};

use async_trait::async_trait;
use auto_impl::auto_impl;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::{Content, Random, StoreError, fresh};

/// Immutable bytes under names that are never used twice.
///
/// # Contract
/// A content is *absent*, then *open* (some bytes, one writer at a time), then *sealed* (its bytes
/// never change and survive power loss), then *deleted* for ever. `open`, [`ContentWriter::seal`]
/// and `delete` of one content exclude each other; who comes second in the same process gets
/// [`Busy`](super::StoreErrorKind::Busy) at once. A caller that drops a future may leave its last
/// write in flight; the store keeps the content busy until that has ended.
#[async_trait]
#[auto_impl(Arc)]
pub trait ContentStore: Send + Sync + 'static {
    /// What this store can do.
    fn limits(&self) -> ContentLimits;

    /// Opens a content for writing at a checkpoint. What lies beyond it is cut off once something is
    /// written or sealed; until then the newer checkpoints hold, so that opening alone, for a request
    /// that turns out to be late, loses nothing. At [`Checkpoint::START`] the content may be absent
    /// and is created.
    ///
    /// A sealed content may be opened at the checkpoint it was sealed at, to be sealed again.
    ///
    /// # Errors
    /// `Busy`: somebody has it open. `Lost`: the bytes below the checkpoint may not be what was
    /// written. `Sealed`: it is sealed with another number of bytes. `Full`, and others.
    async fn open(
        &self,
        id: &ContentId,
        at: &Checkpoint,
        options: &WriteOptions,
    ) -> Result<Box<dyn ContentWriter>, StoreError>;

    /// Reads a sealed content, or an unsealed one where [`ContentLimits::reads_unsealed`] says so
    /// (up to its last checkpoint at least); `None` where there is none.
    ///
    /// # Errors
    /// `Corrupt`: the range lies beyond the content. Others as of any I/O.
    async fn read(
        &self,
        id: &ContentId,
        options: &ReadOptions,
    ) -> Result<Option<Content>, StoreError>;

    /// An address where a client can read the content itself for a while; `None` where the store
    /// has none to give.
    ///
    /// # Errors
    /// As of any I/O.
    async fn redirect(
        &self,
        id: &ContentId,
        options: &RedirectOptions,
    ) -> Result<Option<String>, StoreError>;

    /// Deletes a content, sealed or half written. Says whether it was there. The deletion need
    /// not survive power loss at once: whoever deletes can find the content again by listing.
    ///
    /// # Errors
    /// `Busy`: somebody has it open. Others as of any I/O.
    async fn delete(&self, id: &ContentId) -> Result<bool, StoreError>;

    /// Every content that is there through the whole listing, in the order of their ids, those
    /// after `after` only; unsealed ones included and marked. Others may or may not appear.
    fn list(&self, after: Option<ContentId>)
    -> BoxStream<'static, Result<ContentInfo, StoreError>>;
}

/// The only writer of one content. Dropped: back to the last checkpoint.
#[async_trait]
pub trait ContentWriter: Send {
    /// Appends buffers in their order. They may be in flight when this returns; an error of theirs
    /// then comes from a later call, at the latest from [`ContentWriter::checkpoint`].
    ///
    /// # Errors
    /// `Full`, `TooLarge` and others; after one the writer is of no use, and the content is as at
    /// its last checkpoint.
    async fn write(&mut self, buffers: Vec<Bytes>) -> Result<(), StoreError>;

    /// Makes what was written so far outlast this writer and this process (not power loss).
    ///
    /// # Errors
    /// As of [`ContentWriter::write`].
    async fn checkpoint(&mut self) -> Result<Checkpoint, StoreError>;

    /// Cuts the content to its last checkpoint and seals it: when this returns, the bytes survive
    /// power loss and can be read. Sealing again what is sealed there does nothing.
    ///
    /// # Errors
    /// As of [`ContentWriter::write`]; `Sealed`: another writer sealed other bytes.
    async fn seal(&mut self, options: &SealOptions) -> Result<(), StoreError>;
}

/// The name of a content and of the upload that makes it: a random UUID (version 4).
///
/// It is drawn or parsed, so that as the name of a file it is one:
///
/// ```compile_fail,E0423
/// use registry_core::ports::ContentId;
/// let outside = ContentId(*b"../../etc/passwd");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId([u8; 16]);

/// The text is not a content id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an upload id is a lower-case UUID")]
pub struct ContentIdError;

impl ContentId {
    /// A fresh one.
    pub fn new(random: &dyn Random) -> Self {
        let mut bytes = fresh(random);
        // RFC 9562 section 5.4: version 4, variant 10.
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }
}

impl FromStr for ContentId {
    type Err = ContentIdError;

    fn from_str(text: &str) -> Result<Self, ContentIdError> {
        let mut bytes = [0; 16];
        let hex: String = text.split('-').collect();
        hex::decode_to_slice(hex, &mut bytes).map_err(|_| ContentIdError)?;
        let id = Self(bytes);
        // One content has one text: lower case, dashes where they belong.
        if id.to_string() == text { Ok(id) } else { Err(ContentIdError) }
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = hex::encode(self.0);
        let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        write!(f, "{a}-{b}-{c}-{d}-{e}")
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

crate::text::serde_as_text!(ContentId);

/// How far a content is written, in a way that only the store that made it understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    offset: u64,
    state: Bytes,
}

/// A checkpoint's state is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a checkpoint's state has at most {} bytes", Checkpoint::MAX_STATE)]
pub struct CheckpointError;

impl Checkpoint {
    /// Nothing is written.
    pub const START: Self = Self { offset: 0, state: Bytes::new() };

    /// The longest state in bytes.
    pub const MAX_STATE: usize = 512;

    /// A checkpoint of a store.
    ///
    /// # Errors
    /// When the state is longer than [`Checkpoint::MAX_STATE`].
    pub fn new(offset: u64, state: impl Into<Bytes>) -> Result<Self, CheckpointError> {
        let state = state.into();
        if state.len() <= Self::MAX_STATE {
            Ok(Self { offset, state })
        } else {
            Err(CheckpointError)
        }
    }

    /// How many bytes are written.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// What the store wants back when the content is opened here.
    #[must_use]
    pub const fn state(&self) -> &Bytes {
        &self.state
    }
}

/// What a content store can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContentLimits {
    /// The fewest bytes of a chunk that is not the last, 0 where any will do. Clients are told in
    /// `OCI-Chunk-Min-Length`.
    pub min_chunk: u64,
    /// The most bytes of one content.
    pub max_size: u64,
    /// Whether a content can be read before it is sealed.
    pub reads_unsealed: bool,
    /// Whether [`ContentStore::redirect`] can ever give an address.
    pub redirects: bool,
}

impl Default for ContentLimits {
    /// No limits, reads only what is sealed, no redirects.
    fn default() -> Self {
        Self { min_chunk: 0, max_size: i64::MAX as u64, reads_unsealed: false, redirects: false }
    }
}

/// How to open a content for writing.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WriteOptions {
    /// How many bytes the content will have as a whole, where the client said so. A hint: a store
    /// may reserve room, and must not trust it.
    pub size: Option<u64>,
}

/// Which bytes to read.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReadOptions {
    /// A range that lies inside the content; `None` for all of it.
    pub range: Option<Range<u64>>,
}

/// What kind of address is wanted.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RedirectOptions {}

/// How to seal.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SealOptions {}

/// One content of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores make it")]
pub struct ContentInfo {
    /// Its name.
    pub id: ContentId,
    /// Whether it is sealed.
    pub sealed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_id_has_one_text() {
        let text = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
        assert_eq!(text.parse::<ContentId>().unwrap().to_string(), text);
        for bad in [
            "",
            "F47AC10B-58CC-4372-A567-0E02B2C3D479",
            "f47ac10b58cc4372a5670e02b2c3d479",
            "f47ac10b-58cc-4372-a567-0e02b2c3d47",
            "../f47ac10b-58cc-4372-a567-0e02b2c3d479",
        ] {
            assert!(bad.parse::<ContentId>().is_err(), "{bad}");
        }
    }
}
