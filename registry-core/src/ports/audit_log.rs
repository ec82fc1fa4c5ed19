//! What was done, by whom, and what came of it.

use std::{error::Error, fmt, net::IpAddr, sync::Arc, time::SystemTime};

use async_trait::async_trait;
use auto_impl::auto_impl;

use crate::identity::Principal;

/// Keeps what was done for whoever has to know later.
#[async_trait]
#[auto_impl(Arc)]
pub trait AuditLog: Send + Sync + 'static {
    /// Keeps an event. What it tells of has happened: a failure changes nothing of it.
    ///
    /// # Errors
    /// When it is not kept.
    async fn record(&self, event: &AuditEvent) -> Result<(), AuditError>;
}

/// Something that somebody did or tried. It holds no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuditEvent {
    /// When.
    pub time: SystemTime,
    /// In which request; empty for none.
    pub request_id: Arc<str>,
    /// From where.
    pub peer: Option<IpAddr>,
    /// Who, as far as that is known. Of credentials that were refused it is whose they were, or would
    /// have been, which whoever showed them need not be.
    pub principal: Principal,
    /// What.
    pub action: AuditAction,
    /// To what: a repository with a digest or a tag, a user, the id of a key; empty for nothing.
    pub resource: String,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// Why, where it was refused or failed.
    pub reason: Option<String>,
}

/// What is audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuditAction {
    /// Credentials were shown for a token, or refused.
    Login,
    /// A repository was pulled from, and that was refused.
    Pull,
    /// A blob or a manifest was pushed.
    Push,
    /// A blob was mounted from another repository.
    Mount,
    /// A blob, a manifest or a tag was deleted.
    Delete,
    /// The repositories were listed, and that was refused.
    Catalog,
    /// A user, a project or a repository was made another.
    Admin,
    /// A key was made.
    KeyCreated,
    /// A key was revoked.
    KeyRevoked,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was refused: whoever it was may not.
    Refused,
    /// It was allowed, and failed.
    Failed,
}

impl AuditEvent {
    /// Something that was done, in no request and from nowhere.
    #[must_use]
    pub fn new(
        time: SystemTime,
        principal: Principal,
        action: AuditAction,
        resource: impl Into<String>,
    ) -> Self {
        Self {
            time,
            request_id: "".into(),
            peer: None,
            principal,
            action,
            resource: resource.into(),
            outcome: AuditOutcome::Done,
            reason: None,
        }
    }
}

impl AuditAction {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Mount => "mount",
            Self::Delete => "delete",
            Self::Catalog => "catalog",
            Self::Admin => "admin",
            Self::KeyCreated => "key-created",
            Self::KeyRevoked => "key-revoked",
        }
    }
}

impl AuditOutcome {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for AuditOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An event was not kept.
#[derive(Debug, thiserror::Error)]
#[error("the event was not kept")]
pub struct AuditError(#[source] pub Box<dyn Error + Send + Sync>);
