//! Who may do what.

use std::{borrow::Cow, error::Error, sync::Arc};

use async_trait::async_trait;
use auto_impl::auto_impl;

use crate::{access::Access, identity::Principal, record::RepositoryRecord};

/// Decides what a principal may do. A registry has no default for it.
#[async_trait]
#[auto_impl(Arc)]
pub trait Authorizer: Send + Sync + 'static {
    /// One decision for each question, in their order.
    ///
    /// The registry also asks for [`Principal::anonymous`] while it serves others, though nobody ever
    /// came without credentials: what that one may pull is no secret from anybody.
    ///
    /// # Errors
    /// When it cannot decide: the client gets 503, which is not a refusal.
    async fn authorize(
        &self,
        principal: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError>;
}

/// What is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question {
    /// What somebody wants to do.
    pub access: Access,
    /// The repository in which they want to do it, as it is now; `None` where it does not exist, and
    /// where the access is none to a repository. Whoever may not do it is told the same either way.
    pub repository: Option<Arc<RepositoryRecord>>,
}

impl Question {
    /// An access to something that is no repository, or none yet.
    #[must_use]
    pub const fn new(access: Access) -> Self {
        Self { access, repository: None }
    }

    /// An access in this repository, where there is one.
    #[must_use]
    pub const fn within(access: Access, repository: Option<Arc<RepositoryRecord>>) -> Self {
        Self { access, repository }
    }
}

/// What was decided of one access.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Decision {
    /// Yes or no.
    pub verdict: Verdict,
    /// Why, for the log; the client does not see it.
    pub reason: Cow<'static, str>,
    /// Whether a push may create the repository where it does not exist. Whoever creates it owns it;
    /// with nobody logged in it is unclaimed.
    pub create: bool,
    /// Whether a push makes the caller the owner of the repository where it is unclaimed. A caller
    /// without credentials owns nothing.
    pub claim: bool,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The principal may.
    Allow,
    /// The principal may not; another might.
    Deny,
    /// Nobody may: the registry does not offer this (405).
    Unsupported,
}

impl Decision {
    /// The principal may, and may create the repository, but claims none.
    #[must_use]
    pub const fn allow(reason: &'static str) -> Self {
        Self::new(Verdict::Allow, Cow::Borrowed(reason)).creating(true)
    }

    /// The principal may not.
    #[must_use]
    pub const fn deny(reason: &'static str) -> Self {
        Self::new(Verdict::Deny, Cow::Borrowed(reason))
    }

    /// Nobody may.
    #[must_use]
    pub const fn unsupported(reason: &'static str) -> Self {
        Self::new(Verdict::Unsupported, Cow::Borrowed(reason))
    }

    /// A verdict for a reason; it neither creates nor claims a repository.
    #[must_use]
    pub const fn new(verdict: Verdict, reason: Cow<'static, str>) -> Self {
        Self { verdict, reason, create: false, claim: false }
    }

    /// The same decision, which may let a push create the repository.
    #[must_use]
    pub const fn creating(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// The same decision, which may let a push claim the repository.
    #[must_use]
    pub const fn claiming(mut self, claim: bool) -> Self {
        self.claim = claim;
        self
    }
}

/// The authorizer could not decide.
#[derive(Debug, thiserror::Error)]
#[error("the authorizer could not decide")]
pub struct AuthorizerError(#[source] pub Box<dyn Error + Send + Sync>);
