//! Manifests: pushing, reading, deleting.

mod commit;
mod condemn;
mod delete;
mod pull;
mod push;
mod references;

use super::Body;
use crate::{digest::Digest, media_type::MediaType, tag::Tag};

/// A manifest on its way in, and what the request says of it.
#[non_exhaustive]
pub struct ManifestUpload {
    /// `Content-Type`; the manifest's own `mediaType` counts where there is none.
    pub content_type: Option<MediaType>,
    /// `Content-Length`.
    pub length: Option<u64>,
    /// The bytes.
    pub body: Body,
}

impl ManifestUpload {
    /// A manifest of which the request says nothing.
    #[must_use]
    pub fn new(body: Body) -> Self {
        Self { content_type: None, length: None, body }
    }
}

impl std::fmt::Debug for ManifestUpload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ManifestUpload")
            .field("content_type", &self.content_type)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// A manifest that was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushedManifest {
    /// Its digest.
    pub digest: Digest,
    /// The manifest it refers to, which is listed there now.
    pub subject: Option<Digest>,
    /// The tags that were set by `?tag=`.
    pub tags: Vec<Tag>,
}
