//! `blob/<digest>`: where the bytes of a digest are.

use serde::{Deserialize, Serialize};

use super::{Timestamp, Typed};
use crate::ports::ContentId;

/// One digest, shared by all repositories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BlobRecord {
    /// Whether the bytes are there.
    pub state: BlobState,
    /// Which content holds, or held, the bytes.
    pub content: ContentId,
    /// How many bytes.
    pub size: u64,
    /// When somebody last relied on it; a collector leaves it alone for a while after that.
    pub touched: Timestamp,
}

/// The life of a blob record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "the storage protocol has these states and no other")]
pub enum BlobState {
    /// The bytes are there.
    Live,
    /// The bytes are there, and a collector means to delete them unless somebody objects.
    Condemned,
    /// Nobody may use the bytes any more; they are or will be deleted.
    Gone,
}

impl BlobRecord {
    /// A live blob.
    #[must_use]
    pub const fn live(content: ContentId, size: u64, touched: Timestamp) -> Self {
        Self { state: BlobState::Live, content, size, touched }
    }
}

impl Typed for BlobRecord {
    const KIND: &'static str = "blob";
}
