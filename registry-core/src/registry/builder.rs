//! Putting a registry together.

use std::{fmt, sync::Arc, time::Duration};

use super::{Inner, Registry};
use crate::{
    ports::{
        AuditLog, Authorizer, Clock, ContentStore, HashBackend, Random, RateLimiter, RecordStore,
        Sha2, Tasks,
    },
    record::Visibility,
};

/// Whether a manifest may refer to content that is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it may or it may not")]
pub enum References {
    /// Everything but the subject and non-distributable layers must be in the repository.
    #[default]
    Strict,
    /// Anything may be missing: for mirrors that hold parts of an image.
    Sparse,
}

/// What a registry can be told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Whether a manifest may refer to content that is not there.
    pub references: References,
    /// How long an upload may rest before it is dropped; 24 hours by default.
    pub upload_expiry: Duration,
    /// How long an unreferenced blob is kept since somebody last relied on it; 24 hours by
    /// default.
    pub unreferenced_for: Duration,
    /// The most bytes of one blob; unlimited by default, up to what the store can hold.
    pub max_blob_size: u64,
    /// Who may see a new repository where the policy leaves that to the repository; private by
    /// default.
    pub default_visibility: Visibility,
    /// Whether a mount without `from` also takes what the policy lets callers without credentials
    /// pull, though the token at hand does not name it; off by default. Only where such callers come
    /// as far as the policy may it be on: it is asked about them, and not whether they are let in.
    pub public_mounts: bool,
}

impl Default for Settings {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            references: References::Strict,
            upload_expiry: DAY,
            unreferenced_for: DAY,
            max_blob_size: u64::MAX,
            default_visibility: Visibility::Private,
            public_mounts: false,
        }
    }
}

/// A registry in the making.
#[must_use]
pub struct Builder(Inner);

impl Builder {
    pub(super) fn new(
        contents: Box<dyn ContentStore>,
        records: Box<dyn RecordStore>,
        authorizer: Box<dyn Authorizer>,
        clock: Arc<dyn Clock>,
        random: Box<dyn Random>,
    ) -> Self {
        Self(Inner {
            contents,
            records,
            authorizer,
            clock,
            random,
            hash: Box::new(Sha2),
            tasks: None,
            limiter: None,
            audit: None,
            settings: Settings::default(),
        })
    }

    /// How to hash; by default [`Sha2`], in line.
    pub fn hash(mut self, hash: impl HashBackend) -> Self {
        self.0.hash = Box::new(hash);
        self
    }

    /// Where to run what must end though the client hung up. By default it runs within the
    /// request and stops with it; that loses nothing, but the client has to try again.
    pub fn tasks(mut self, tasks: impl Tasks) -> Self {
        self.0.tasks = Some(Arc::new(tasks));
        self
    }

    /// What limits the bytes that each namespace keeps ([`StoredBytes`](crate::ports::Limit::StoredBytes)) and sends
    /// ([`PulledBytes`](crate::ports::Limit::PulledBytes)); nothing by default. Requests are for a frontend to limit.
    pub fn limiter(mut self, limiter: impl RateLimiter) -> Self {
        self.0.limiter = Some(Arc::new(limiter));
        self
    }

    /// Who is told of every push, mount and deletion, whatever comes of it, and of every refusal;
    /// nobody by default. It is waited for, and a failure of it is logged and changes nothing.
    pub fn audit(mut self, log: impl AuditLog) -> Self {
        self.0.audit = Some(Arc::new(log));
        self
    }

    /// All the settings at once.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.0.settings = settings;
        self
    }

    /// Whether a manifest may refer to content that is not there.
    pub const fn references(mut self, references: References) -> Self {
        self.0.settings.references = references;
        self
    }

    /// How long an upload may rest before it is dropped.
    pub const fn upload_expiry(mut self, expiry: Duration) -> Self {
        self.0.settings.upload_expiry = expiry;
        self
    }

    /// The most bytes of one blob.
    pub const fn max_blob_size(mut self, bytes: u64) -> Self {
        self.0.settings.max_blob_size = bytes;
        self
    }

    /// Who may see a new repository where the policy leaves that to the repository.
    pub const fn default_visibility(mut self, visibility: Visibility) -> Self {
        self.0.settings.default_visibility = visibility;
        self
    }

    /// Whether a mount without `from` also takes what callers without credentials may pull
    /// ([`Settings::public_mounts`]).
    pub const fn public_mounts(mut self, public_mounts: bool) -> Self {
        self.0.settings.public_mounts = public_mounts;
        self
    }

    /// The registry.
    #[must_use]
    pub fn build(self) -> Registry {
        Registry(Arc::new(self.0))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}
