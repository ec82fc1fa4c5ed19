//! `tag/<repository id>/<tag>`: what a tag stands for.

use serde::{Deserialize, Serialize};

use super::{Nonce, Timestamp, Typed};
use crate::digest::Digest;

/// A tag. It resolves only while the manifest of its incarnation is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "a tag is this and no more")]
pub struct TagRecord {
    /// The manifest.
    pub digest: Digest,
    /// Which life of it.
    pub incarnation: Nonce,
    /// When the tag was set.
    pub when: Timestamp,
}

impl Typed for TagRecord {
    const KIND: &'static str = "tag";
}
