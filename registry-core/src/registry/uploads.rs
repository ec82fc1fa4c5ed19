//! Uploads: how bytes become blobs.

mod admin;
mod append;
mod close;
mod discard;
mod expire;
mod mount;
mod open;
mod pipeline;
mod session;

use futures::stream::{self, StreamExt};

pub use admin::UploadSession;
pub use mount::Mount;

use super::Body;
use crate::{ports::ContentId, range::ContentRange};

/// Bytes that go on an upload, and what the request says of them.
#[non_exhaustive]
pub struct Chunk {
    /// `Content-Range`: where they belong.
    pub range: Option<ContentRange>,
    /// `Content-Length`: how many they are.
    pub length: Option<u64>,
    /// The bytes.
    pub body: Body,
}

impl Chunk {
    /// Bytes of which the request says nothing.
    #[must_use]
    pub fn new(body: Body) -> Self {
        Self { range: None, length: None, body }
    }

    /// No bytes.
    #[must_use]
    pub fn empty() -> Self {
        Self { range: None, length: Some(0), body: stream::empty().boxed() }
    }
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chunk")
            .field("range", &self.range)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// Where an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadStatus {
    /// Its id.
    pub id: ContentId,
    /// How many bytes the registry holds.
    pub offset: u64,
    /// The fewest bytes of a chunk that is not the last; 0: any number will do.
    pub min_chunk: u64,
}
