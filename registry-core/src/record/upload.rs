//! `upload/<id>`: an upload session. Volatile: it lasts until the machine stops.

use serde::{Deserialize, Serialize};

use super::{RepositoryId, Timestamp, Typed};
use crate::{
    digest::{Algorithm, Digest, HashState},
    ports::Checkpoint,
};

/// An upload session, bound to a repository and a principal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "an upload is this and no more")]
pub struct UploadRecord {
    /// The repository it was opened in.
    pub repository: RepositoryId,
    /// Who opened it: kind and id of the principal, empty for anonymous.
    pub owner: String,
    /// How far it is.
    #[serde(flatten)]
    pub state: UploadState,
    /// The namespace among whose stored bytes its own count, and to which they are given back when
    /// it is dropped; empty: to none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// When it may be dropped, unless somebody uses it before.
    pub expires: Timestamp,
}

/// The life of an upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "the storage protocol has these states and no other")]
pub enum UploadState {
    /// It takes bytes.
    Open {
        /// How far it is.
        progress: Progress,
        /// The algorithm that the client announced.
        #[serde(default, with = "algorithm", skip_serializing_if = "Option::is_none")]
        announced: Option<Algorithm>,
    },
    /// It has all its bytes and becomes a blob.
    Closing {
        /// The digest that the client gave.
        digest: Digest,
        /// Where the bytes end.
        progress: Progress,
    },
    /// It will not become a blob; its content is deleted unless a blob record names it.
    Aborted {
        /// The digest it was closing with: whoever goes on with an interrupted drop must know
        /// which blob record might name its content.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<Digest>,
    },
}

/// How far an upload is: the store's checkpoint and the hash up to it, kept together so that the
/// two can never disagree.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "progress is this pair")]
pub struct Progress {
    /// Where the content goes on.
    #[serde(with = "checkpoint")]
    pub checkpoint: Checkpoint,
    /// The hash of everything before.
    pub hash: HashState,
}

impl Progress {
    /// Nothing is written.
    #[must_use]
    pub fn start(algorithm: Algorithm) -> Self {
        Self { checkpoint: Checkpoint::START, hash: HashState::new(algorithm) }
    }

    /// How many bytes are written.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.checkpoint.offset()
    }
}

impl Typed for UploadRecord {
    const KIND: &'static str = "upload";
}

mod checkpoint {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::ports::Checkpoint;

    #[derive(Serialize, Deserialize)]
    struct Saved<'a> {
        offset: u64,
        state: Cow<'a, str>,
    }

    pub(super) fn serialize<S: Serializer>(at: &Checkpoint, s: S) -> Result<S::Ok, S::Error> {
        Saved { offset: at.offset(), state: hex::encode(at.state()).into() }.serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Checkpoint, D::Error> {
        let saved = Saved::deserialize(d)?;
        let state = hex::decode(saved.state.as_bytes()).map_err(D::Error::custom)?;
        Checkpoint::new(saved.offset, state).map_err(D::Error::custom)
    }
}

mod algorithm {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::digest::Algorithm;

    #[expect(clippy::ref_option, reason = "serde's `with` passes a reference to the field")]
    pub(super) fn serialize<S: Serializer>(
        algorithm: &Option<Algorithm>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        algorithm.map(Algorithm::as_str).serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Algorithm>, D::Error> {
        let text = Option::<String>::deserialize(d)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}
