//! `manifest/<repository id>/<digest>`: a manifest in a repository.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Nonce, Record, RecordError, Timestamp, Typed};
use crate::{digest::Digest, media_type::MediaType};

/// A manifest, a root of collection in every state while it is pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ManifestRecord {
    /// One life of this manifest: kept while it lives, fresh when it is pushed after a deletion.
    pub incarnation: Nonce,
    /// Whether readers see it.
    pub state: ManifestState,
    /// When it came into this life.
    pub since: Timestamp,
    /// Its media type.
    pub media_type: MediaType,
    /// The manifest it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Digest>,
    /// What kind of artifact it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Everything it needs or names.
    pub references: Vec<ManifestReference>,
    /// Whether it keeps what it refers to.
    pub retention: Retention,
    /// The exact bytes; empty while it is pending.
    #[serde(skip)]
    pub bytes: Bytes,
}

/// The life of a manifest record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "the storage protocol has these states and no other")]
pub enum ManifestState {
    /// Its references are roots already; readers do not see it yet.
    Pending,
    /// It is there.
    Committed,
    /// It is there, and a collector means to remove it unless somebody objects.
    Condemned,
}

/// One content that a manifest refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "a root of collection is this pair")]
pub struct ManifestReference {
    /// Its digest.
    pub digest: Digest,
    /// How much it is needed.
    pub kind: ReferenceKind,
}

/// How much a manifest needs a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "the storage protocol has these kinds and no other")]
pub enum ReferenceKind {
    /// A blob that must be there.
    Blob,
    /// A manifest of the same repository that must be there, or else a blob.
    Child,
    /// Kept when it is there, not missed when it is not.
    Optional,
}

/// Whether a manifest keeps what it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "the storage protocol has these two")]
pub enum Retention {
    /// It stays until somebody deletes it.
    Pinned,
    /// A copy of something that can be had again; a collector may condemn it.
    Cached,
}

impl ManifestRecord {
    /// A manifest that readers do not see yet.
    #[must_use]
    pub const fn pending(
        incarnation: Nonce,
        since: Timestamp,
        media_type: MediaType,
        references: Vec<ManifestReference>,
    ) -> Self {
        Self {
            incarnation,
            state: ManifestState::Pending,
            since,
            media_type,
            subject: None,
            artifact_type: None,
            references,
            retention: Retention::Pinned,
            bytes: Bytes::new(),
        }
    }

    /// Whether readers see it.
    #[must_use]
    pub const fn is_visible(&self) -> bool {
        matches!(self.state, ManifestState::Committed | ManifestState::Condemned)
    }
}

impl Typed for ManifestRecord {
    const KIND: &'static str = "manifest";

    fn encode(&self, nonce: Nonce) -> Record {
        Record::new(Self::KIND, nonce, self, self.bytes.clone())
            .expect("the bytes of a manifest, and what was read of them, are bounded")
    }

    fn decode(record: &Record) -> Result<Self, RecordError> {
        Ok(Self { bytes: record.body().clone(), ..record.fields(Self::KIND)? })
    }
}
