//! The one error of both storage ports.

use std::{error::Error, fmt, time::Duration};

/// A store could not do what was asked.
///
/// The kind says what the caller can do about it; the source, if any, is for the log.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Somebody else is writing, sealing or deleting this content at this moment.
    Busy,
    /// What is stored cannot be what was written.
    Corrupt,
    /// The store may not do this: a permission, a read-only mount.
    Denied,
    /// No room is left.
    Full,
    /// The store's own credentials were refused.
    Reauthenticate,
    /// More bytes than the store can hold under one name.
    TooLarge,
    /// The store does not answer for now.
    Unavailable {
        /// When to try again, where the store knows it.
        retry_after: Option<Duration>,
    },
    /// The store cannot do this at all.
    Unsupported,
    /// The bytes below a checkpoint are not there any more; the upload must start anew.
    Lost,
    /// The content is sealed already, with other bytes than the checkpoint says.
    Sealed,
    /// Anything else, such as an I/O error.
    Other,
}

impl StoreError {
    /// An error of a kind that explains itself.
    #[must_use]
    pub const fn new(kind: StoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// An error with its cause.
    pub fn with_source(
        kind: StoreErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    /// What kind of failure it was.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl From<StoreErrorKind> for StoreError {
    fn from(kind: StoreErrorKind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Busy => "the content is in use by another request",
            StoreErrorKind::Corrupt => "the stored data is corrupt",
            StoreErrorKind::Denied => "the store was denied access",
            StoreErrorKind::Full => "the store is full",
            StoreErrorKind::Reauthenticate => "the store's credentials were refused",
            StoreErrorKind::TooLarge => "the content is larger than the store can hold",
            StoreErrorKind::Unavailable { .. } => "the store is unavailable",
            StoreErrorKind::Unsupported => "the store does not support this",
            StoreErrorKind::Lost => "bytes of the upload were lost",
            StoreErrorKind::Sealed => "the content is sealed with other bytes",
            StoreErrorKind::Other => "the store failed",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
