//! What a client can be told when a request fails.

use std::{error::Error, time::Duration};

use crate::{
    digest::{Digest, DigestError},
    endpoint::EndpointError,
    manifest::{Manifest, ManifestError},
    ports::{AuthenticationError, AuthorizerError, StoreError, StoreErrorKind, Subject},
};

/// A use case could not be done. The display text is for the client and shows no internals; the
/// sources are for the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The request is none of the API's.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The repository is not known.
    #[error("the repository is not known to this registry")]
    NameUnknown,
    /// The blob is not in this repository.
    #[error("the blob is not known in this repository")]
    BlobUnknown,
    /// The requested range of a blob has no bytes.
    #[error("the blob has {size} bytes, none of them in the requested range")]
    RangeNotSatisfiable {
        /// The size of the whole blob in bytes.
        size: u64,
    },
    /// There is no such upload for this caller in this repository: unknown, expired, closed,
    /// cancelled, or somebody else's.
    #[error("the upload is not known: start it anew")]
    UploadUnknown,
    /// The upload goes on at another offset than the chunk's.
    #[error("the upload goes on at byte {offset}")]
    UploadRange {
        /// How many bytes the registry holds.
        offset: u64,
    },
    /// The request does not fit the state of the upload.
    #[error("{0}")]
    UploadInvalid(&'static str),
    /// The digest in the request is malformed or not supported.
    #[error(transparent)]
    DigestInvalid(#[from] DigestError),
    /// The bytes have another digest than the client said.
    #[error("the content has another digest than {0}")]
    DigestDiffers(Digest),
    /// The body has another length than the client said.
    #[error("the body has another length than the request says")]
    SizeInvalid,
    /// The blob is larger than the registry takes.
    #[error("a blob has at most {limit} bytes here")]
    BlobTooLarge {
        /// The most bytes.
        limit: u64,
    },
    /// The manifest is not known.
    #[error("the manifest is not known in this repository")]
    ManifestUnknown,
    /// The body is not a manifest.
    #[error(transparent)]
    ManifestInvalid(#[from] ManifestError),
    /// The manifest is larger than [`Manifest::MAX_SIZE`].
    #[error("a manifest has at most {} bytes", Manifest::MAX_SIZE)]
    ManifestTooLarge,
    /// The manifest needs blobs or manifests that are not in the repository.
    #[error("the manifest refers to content that is not in this repository")]
    ManifestBlobUnknown(Vec<Digest>),
    /// The caller may not do this.
    #[error("the requested access to the resource is denied")]
    Denied,
    /// The caller may not do this, for a reason that is no secret: how to do it instead.
    #[error("{0}")]
    Refused(&'static str),
    /// The token does not carry this: it was not asked for it, or its owner may not do it.
    #[error("the token is not for this: ask for one with the scope of the challenge")]
    InsufficientScope,
    /// The namespace has no room left for what it was to keep.
    #[error("the namespace's quota of stored bytes is used up: delete something, or ask for more")]
    QuotaExceeded(#[source] Box<Shortage>),
    /// Nobody in particular may not do this; somebody might.
    #[error("authentication is required")]
    Unauthenticated,
    /// The credentials were not accepted. The reason is for the log.
    #[error("{}", told(.0))]
    Authentication(#[from] AuthenticationError),
    /// The caller, or somebody with the same share of something, asks too often.
    #[error("too many requests: try again later")]
    Throttled {
        /// When it may ask again.
        retry_after: Duration,
    },
    /// The registry does not offer this.
    #[error("the registry does not support this operation")]
    Unsupported,
    /// The body of a chunk or blob could not be read to its end.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The body of a manifest could not be read to its end.
    #[error(transparent)]
    ManifestBody(BodyError),
    /// Others were faster sixteen times, or hold what is needed; try again.
    #[error("the registry is busy with the same content: try again")]
    Busy,
    /// The authorizer could not decide.
    #[error("the registry cannot decide on access for now: try again")]
    Authorizer(#[from] AuthorizerError),
    /// The storage failed.
    #[error("the registry's storage failed")]
    Storage(#[from] StoreError),
}

/// How much was missing. It is for the log: a client is told that something was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject} was to keep {needed} bytes more and has room for {left}")]
#[non_exhaustive]
pub struct Shortage {
    /// Whose quota it is.
    pub subject: Subject,
    /// The bytes that were needed at once; more of the same content may have been to come.
    pub needed: u64,
    /// The bytes that were to be had.
    pub left: u64,
}

/// What a client is told of its credentials: the same whatever is wrong with them.
const fn told(error: &AuthenticationError) -> &'static str {
    match error {
        AuthenticationError::Refused { .. } => "the credentials are not accepted",
        AuthenticationError::Throttled { .. } => "too many attempts: try again later",
        AuthenticationError::Unavailable(_) => {
            "the registry cannot tell for now who asks: try again"
        }
    }
}

/// A request's body could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The connection broke or the framing was wrong.
    #[error("the body ended early")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    /// The client sent too slowly.
    #[error("the body came too slowly")]
    TimedOut,
    /// There is no room for one more body; try again when others have ended. A frontend's to say,
    /// before the first byte: the core itself takes in all it is given.
    #[error("the registry takes in as much as it has room for: try again")]
    Overloaded,
}

/// Every way in which a request fails, as a client can tell them apart. A frontend maps each to a
/// status; [`ErrorCode::as_str`] is the code in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// A request that no more specific code fits.
    BadRequest,
    /// A blob that is not known.
    BlobUnknown,
    /// A chunk that does not fit the upload's state.
    BlobUploadInvalid,
    /// A chunk at another offset than the upload's.
    BlobUploadRange,
    /// An upload that is not known.
    BlobUploadUnknown,
    /// A caller who may not do this.
    Denied,
    /// A digest that is malformed, not supported, or not that of the content.
    DigestInvalid,
    /// No room is left.
    Full,
    /// A failure of the registry.
    Internal,
    /// A manifest whose references are missing.
    ManifestBlobUnknown,
    /// A body that is not a manifest.
    ManifestInvalid,
    /// The body of a manifest that came too slowly.
    ManifestTimeout,
    /// A manifest that is not known.
    ManifestUnknown,
    /// A method that a route does not have.
    MethodNotAllowed,
    /// A repository name or tag that is malformed.
    NameInvalid,
    /// A repository that is not known.
    NameUnknown,
    /// A path without a route.
    NotFound,
    /// A range without a byte in it.
    RangeNotSatisfiable,
    /// A body of another length than announced.
    SizeInvalid,
    /// The body of a chunk or blob that came too slowly.
    Timeout,
    /// A blob or manifest that is too large.
    TooLarge,
    /// A client that asks too often.
    TooManyRequests,
    /// More tags in the query than can be set at once.
    TooManyTags,
    /// A caller who must authenticate.
    Unauthorized,
    /// A failure that may be over soon.
    Unavailable,
    /// An operation that the registry does not offer.
    Unsupported,
}

impl RegistryError {
    /// The kind of failure, as the client is told.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Endpoint(error) => error.code(),
            Self::NameUnknown => ErrorCode::NameUnknown,
            Self::BlobUnknown => ErrorCode::BlobUnknown,
            Self::RangeNotSatisfiable { .. } => ErrorCode::RangeNotSatisfiable,
            Self::UploadUnknown => ErrorCode::BlobUploadUnknown,
            Self::UploadRange { .. } => ErrorCode::BlobUploadRange,
            Self::UploadInvalid(_) | Self::Body(BodyError::Broken(_)) => {
                ErrorCode::BlobUploadInvalid
            }
            Self::Body(BodyError::TimedOut) => ErrorCode::Timeout,
            Self::ManifestBody(BodyError::TimedOut) => ErrorCode::ManifestTimeout,
            Self::Body(BodyError::Overloaded) | Self::ManifestBody(BodyError::Overloaded) => {
                ErrorCode::Unavailable
            }
            Self::DigestInvalid(_) | Self::DigestDiffers(_) => ErrorCode::DigestInvalid,
            Self::SizeInvalid => ErrorCode::SizeInvalid,
            Self::BlobTooLarge { .. } | Self::ManifestTooLarge => ErrorCode::TooLarge,
            Self::ManifestUnknown => ErrorCode::ManifestUnknown,
            Self::ManifestInvalid(_) | Self::ManifestBody(BodyError::Broken(_)) => {
                ErrorCode::ManifestInvalid
            }
            Self::ManifestBlobUnknown(_) => ErrorCode::ManifestBlobUnknown,
            Self::Denied | Self::Refused(_) | Self::QuotaExceeded(_) => ErrorCode::Denied,
            Self::Throttled { .. } => ErrorCode::TooManyRequests,
            Self::Unauthenticated | Self::InsufficientScope => ErrorCode::Unauthorized,
            Self::Authentication(error) => match error {
                AuthenticationError::Refused { .. } => ErrorCode::Unauthorized,
                AuthenticationError::Throttled { .. } => ErrorCode::TooManyRequests,
                AuthenticationError::Unavailable(_) => ErrorCode::Unavailable,
            },
            Self::Unsupported => ErrorCode::Unsupported,
            Self::Busy | Self::Authorizer(_) => ErrorCode::Unavailable,
            Self::Storage(error) => match error.kind() {
                StoreErrorKind::Full => ErrorCode::Full,
                StoreErrorKind::TooLarge => ErrorCode::TooLarge,
                StoreErrorKind::Busy
                | StoreErrorKind::Reauthenticate
                | StoreErrorKind::Unavailable { .. } => ErrorCode::Unavailable,
                StoreErrorKind::Corrupt
                | StoreErrorKind::Denied
                | StoreErrorKind::Unsupported
                | StoreErrorKind::Lost
                | StoreErrorKind::Sealed
                | StoreErrorKind::Other => ErrorCode::Internal,
            },
        }
    }

    /// When a client may try again, where that makes sense at all.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        const SOON: Duration = Duration::from_secs(1);
        match self {
            Self::Throttled { retry_after }
            | Self::Authentication(AuthenticationError::Throttled { retry_after }) => {
                Some(*retry_after)
            }
            Self::Authentication(AuthenticationError::Unavailable(_)) => Some(SOON),
            Self::Storage(error) => match error.kind() {
                StoreErrorKind::Unavailable { retry_after } => Some(retry_after.unwrap_or(SOON)),
                StoreErrorKind::Busy | StoreErrorKind::Reauthenticate => Some(SOON),
                _ => None,
            },
            Self::Body(BodyError::Overloaded) | Self::ManifestBody(BodyError::Overloaded) => {
                Some(SOON)
            }
            Self::Busy | Self::Authorizer(_) => Some(SOON),
            _ => None,
        }
    }
}

impl From<crate::record::RecordError> for RegistryError {
    fn from(error: crate::record::RecordError) -> Self {
        Self::Storage(error.into())
    }
}

impl EndpointError {
    /// The kind of failure, as the client is told.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::NoRoute => ErrorCode::NotFound,
            Self::Method { .. } => ErrorCode::MethodNotAllowed,
            Self::Name(_) | Self::Tag(_) => ErrorCode::NameInvalid,
            Self::Digest(_) | Self::NoDigest => ErrorCode::DigestInvalid,
            Self::TooManyTags => ErrorCode::TooManyTags,
            Self::UploadId => ErrorCode::BlobUploadUnknown,
            Self::Malformed(_) | Self::TagsOnTag | Self::Page(_) | Self::ArtifactType => {
                ErrorCode::BadRequest
            }
        }
    }
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 26] = [
        Self::BadRequest,
        Self::BlobUnknown,
        Self::BlobUploadInvalid,
        Self::BlobUploadRange,
        Self::BlobUploadUnknown,
        Self::Denied,
        Self::DigestInvalid,
        Self::Full,
        Self::Internal,
        Self::ManifestBlobUnknown,
        Self::ManifestInvalid,
        Self::ManifestTimeout,
        Self::ManifestUnknown,
        Self::MethodNotAllowed,
        Self::NameInvalid,
        Self::NameUnknown,
        Self::NotFound,
        Self::RangeNotSatisfiable,
        Self::SizeInvalid,
        Self::Timeout,
        Self::TooLarge,
        Self::TooManyRequests,
        Self::TooManyTags,
        Self::Unauthorized,
        Self::Unavailable,
        Self::Unsupported,
    ];

    /// The code in the body. For what is the client's fault, one of the closed list of the spec
    /// (distribution-spec, "Error Codes"); where none fits, the nearest.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid | Self::BlobUploadRange | Self::Timeout => {
                "BLOB_UPLOAD_INVALID"
            }
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::Denied => "DENIED",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid | Self::ManifestTimeout => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown | Self::NotFound => "NAME_UNKNOWN",
            Self::RangeNotSatisfiable | Self::SizeInvalid | Self::TooLarge => "SIZE_INVALID",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::BadRequest | Self::MethodNotAllowed | Self::TooManyTags | Self::Unsupported => {
                "UNSUPPORTED"
            }
            // Not the client's fault, so outside the spec's list; distribution uses these.
            Self::Full | Self::Internal => "UNKNOWN",
            Self::Unavailable => "UNAVAILABLE",
        }
    }
}
