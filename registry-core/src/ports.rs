//! The ports: what a registry needs from the world, as traits that adapters implement.
//!
//! Rules for all of them: absence is a value and never an error; no method has a default, but for
//! [`Authenticator::is_guarded`], where forgetting it is safe;
//! streams are `'static`; dropping a future leaves the store as before the call or as after it;
//! an `Err` from a mutation leaves its outcome open, so the caller reads again.

mod audit_log;
mod authenticator;
mod authorizer;
mod clock;
mod content;
mod content_store;
mod hash_backend;
mod random;
mod rate_limiter;
mod record_store;
mod source;
mod store_error;
mod tasks;
mod token;

pub use audit_log::{AuditAction, AuditError, AuditEvent, AuditLog, AuditOutcome};
pub use authenticator::{Authenticated, AuthenticationError, Authenticator};
pub use authorizer::{Authorizer, AuthorizerError, Decision, Question, Verdict};
pub use clock::Clock;
pub use content::{Content, ContentBytes, ContentMeter};
pub use content_store::{
    Checkpoint, CheckpointError, ContentId, ContentIdError, ContentInfo, ContentLimits,
    ContentStore, ContentWriter, ReadOptions, RedirectOptions, SealOptions, WriteOptions,
};
pub use hash_backend::{HashBackend, Sha2};
pub use random::Random;
pub(crate) use random::fresh;
pub use rate_limiter::{Limit, LimitKey, RateLimiter, Subject, SubjectKind, Taken};
pub use record_store::{
    DeleteOutcome, Expect, KeyRange, Lookup, PutOutcome, RecordEntry, RecordStore, Version,
};
pub use source::{
    BlobOptions, Fetched, Listing, ManifestOptions, PulledManifest, ReferrerOptions, Source,
};
pub use store_error::{StoreError, StoreErrorKind};
pub use tasks::Tasks;
pub use token::{
    IssuedToken, RefreshTokens, TokenError, TokenIssuer, TokenVerifier, VerifiedToken,
};
