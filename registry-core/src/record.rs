//! Records: the small facts that the storage protocol swaps.
//!
//! A [`Record`] is an envelope: one line of JSON with the format's version `v`, the kind, a nonce
//! and the kind's own fields; then the raw body, if any. Stores keep it whole and never look
//! inside. The typed views are one kind a file; other crates add kinds under `x-<crate>/…` keys.

mod blob;
mod key;
mod link;
mod manifest;
mod nonce;
mod referrer;
mod repository;
mod tag;
mod time;
mod upload;

use std::{
    any::Any,
    fmt,
    sync::{Arc, OnceLock},
};

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use blob::{BlobRecord, BlobState};
pub use key::{KeyError, RecordKey};
pub use link::{LinkRecord, LinkState};
pub use manifest::{ManifestRecord, ManifestReference, ManifestState, ReferenceKind, Retention};
pub use nonce::Nonce;
pub use referrer::ReferrerRecord;
pub use repository::{RepositoryId, RepositoryIdError, RepositoryRecord, Visibility};
pub use tag::TagRecord;
pub use time::Timestamp;
pub use upload::{Progress, UploadRecord, UploadState};

use crate::ports::{StoreError, StoreErrorKind};

/// A record in its envelope. Cheap to clone.
#[derive(Clone)]
pub struct Record(Arc<Parts>);

struct Parts {
    kind: String,
    nonce: Nonce,
    header: Bytes,
    body: Bytes,
    /// The typed view, decoded once: a store that keeps hot records in memory keeps this too.
    view: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// Bytes that are no record, or not the record that was expected. A sweep stops at one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// There is no header line, or it is not JSON with the fields that the kind has.
    #[error("the record is malformed")]
    Malformed(#[source] Option<serde_json::Error>),
    /// A newer program wrote it.
    #[error("the record has format {0}, and this program knows format {FORMAT}")]
    Format(u32),
    /// It is a record of another kind.
    #[error("the record is a {found}, not a {wanted}")]
    Kind {
        /// The kind asked for.
        wanted: &'static str,
        /// The kind found.
        found: String,
    },
    /// The header or the body is longer than a record may be.
    #[error("the record is too large")]
    TooLarge,
}

/// The format of the envelope and of every kind in it.
const FORMAT: u32 = 1;

/// What every header line starts with.
#[derive(Serialize, Deserialize)]
struct Envelope {
    v: u32,
    kind: String,
    nonce: Nonce,
}

/// A typed view of a record of one kind, which serialises to an object with the kind's fields;
/// `decode` is the inverse of `encode`. Where all of it is in the header its name is enough.
pub trait Typed: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kind's name.
    const KIND: &'static str;

    /// Puts the fields into an envelope with a fresh nonce.
    ///
    /// # Panics
    /// When they are no object, or too large for a [`Record`]: types have to bound them.
    fn encode(&self, nonce: Nonce) -> Record {
        Record::new(Self::KIND, nonce, self, Bytes::new())
            .expect("the fields of a typed record serialise to an object within the bounds")
    }

    /// Takes them out again.
    ///
    /// # Errors
    /// When the record is of another kind or lacks a field.
    fn decode(record: &Record) -> Result<Self, RecordError> {
        record.fields(Self::KIND)
    }
}

impl Record {
    /// The largest body in bytes: that of a manifest.
    pub const MAX_BODY: usize = 4 << 20;

    /// The longest header line in bytes. A manifest of 4 MiB can name many references, and a
    /// referrer's annotations can be nearly as large as its manifest.
    pub const MAX_HEADER: usize = 16 << 20;

    /// A record of a kind of the caller's own, with `fields` that serialise to a JSON object.
    ///
    /// # Errors
    /// When `fields` do not serialise to an object, or header or body are too large.
    pub fn new(
        kind: &str,
        nonce: Nonce,
        fields: &impl Serialize,
        body: Bytes,
    ) -> Result<Self, RecordError> {
        #[derive(Serialize)]
        struct Line<'a, F: Serialize> {
            #[serde(flatten)]
            envelope: Envelope,
            #[serde(flatten)]
            fields: &'a F,
        }
        let envelope = Envelope { v: FORMAT, kind: kind.to_owned(), nonce };
        let header = serde_json::to_vec(&Line { envelope, fields })
            .map_err(|error| RecordError::Malformed(Some(error)))?;
        if header.len() > Self::MAX_HEADER || body.len() > Self::MAX_BODY {
            return Err(RecordError::TooLarge);
        }
        Ok(Self::of(kind.to_owned(), nonce, header.into(), body))
    }

    /// Reads a record as a store kept it.
    ///
    /// # Errors
    /// When the bytes are no record of a format that this program knows.
    pub fn from_bytes(bytes: &Bytes) -> Result<Self, RecordError> {
        let window = &bytes[..bytes.len().min(Self::MAX_HEADER + 1)];
        let line = window.iter().position(|b| *b == b'\n').ok_or(RecordError::Malformed(None))?;
        let (header, body) = (bytes.slice(..line), bytes.slice(line + 1..));
        if body.len() > Self::MAX_BODY {
            return Err(RecordError::TooLarge);
        }
        let envelope: Envelope =
            serde_json::from_slice(&header).map_err(|error| RecordError::Malformed(Some(error)))?;
        if envelope.v != FORMAT {
            return Err(RecordError::Format(envelope.v));
        }
        Ok(Self::of(envelope.kind, envelope.nonce, header, body))
    }

    fn of(kind: String, nonce: Nonce, header: Bytes, body: Bytes) -> Self {
        Self(Arc::new(Parts { kind, nonce, header, body, view: OnceLock::new() }))
    }

    /// The bytes a store keeps; their inverse is [`Record::from_bytes`].
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(self.len());
        bytes.put_slice(&self.0.header);
        bytes.put_u8(b'\n');
        bytes.put_slice(&self.0.body);
        bytes.freeze()
    }

    /// What kind of record it is.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Its nonce.
    #[must_use]
    pub fn nonce(&self) -> Nonce {
        self.0.nonce
    }

    /// The raw body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }

    /// How many bytes [`Record::to_bytes`] gives.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a record is never empty")]
    pub fn len(&self) -> usize {
        self.0.header.len() + 1 + self.0.body.len()
    }

    /// The fields of a record of this kind.
    ///
    /// # Errors
    /// When it is of another kind, or lacks a field.
    pub fn fields<F: DeserializeOwned>(&self, kind: &'static str) -> Result<F, RecordError> {
        if self.0.kind != kind {
            return Err(RecordError::Kind { wanted: kind, found: self.0.kind.clone() });
        }
        serde_json::from_slice(&self.0.header).map_err(|error| RecordError::Malformed(Some(error)))
    }

    /// The typed view. Clones of a record share it, so that it is decoded once.
    ///
    /// # Errors
    /// As of [`Typed::decode`].
    pub fn view<T: Typed>(&self) -> Result<Arc<T>, RecordError> {
        if let Some(Ok(view)) = self.0.view.get().map(|view| view.clone().downcast()) {
            return Ok(view);
        }
        let view = Arc::new(T::decode(self)?);
        // Whoever was first keeps its own; both are the same.
        let _ = self.0.view.set(view.clone());
        Ok(view)
    }
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.0.header == other.0.header && self.0.body == other.0.body
    }
}

impl Eq for Record {}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({} {}, {} bytes)", self.0.kind, self.0.nonce, self.len())
    }
}

impl From<RecordError> for StoreError {
    fn from(error: RecordError) -> Self {
        Self::with_source(StoreErrorKind::Corrupt, error)
    }
}

#[cfg(test)]
mod tests;
