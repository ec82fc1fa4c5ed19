//! Who asks.

use std::{borrow::Cow, error::Error, net::IpAddr, time::Duration};

use async_trait::async_trait;
use auto_impl::auto_impl;

use crate::{access::Scope, credentials::Credentials, identity::Principal};

/// Finds out who a request comes from. A frontend asks it once for each request.
#[async_trait]
#[auto_impl(Arc)]
pub trait Authenticator: Send + Sync + 'static {
    /// Whose credentials these are.
    ///
    /// [`Credentials::Absent`] is a question too: the answer is [`Principal::anonymous`], or a
    /// refusal where nothing is open to it. Credentials that are not right are refused and never
    /// anonymous, also for what everybody may read: a client whose key has expired must learn it.
    ///
    /// # Errors
    /// [`AuthenticationError::Refused`] and others; none of them shows the credentials.
    async fn authenticate(
        &self,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<Authenticated, AuthenticationError>;

    /// Whether it bounds by itself how often such credentials are tried: they cannot be guessed and
    /// cost little to look up, as random keys, or it lets whoever was wrong too often wait before it
    /// does anything slow, as with passwords.
    ///
    /// A frontend that limits failures asks it about these whatever was refused before from the same
    /// address, so that what is good is let in, and about others only while there may be failures
    /// from there. `false` where nothing is said.
    fn is_guarded(&self, credentials: &Credentials) -> bool {
        let _ = credentials;
        false
    }
}

/// Who it is, and what the credential is good for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Authenticated {
    /// Who it is.
    pub principal: Principal,
    /// What the credential is good for.
    pub scope: Scope,
}

impl Authenticated {
    /// Somebody whose credential is good for everything that they may do.
    #[must_use]
    pub const fn new(principal: Principal) -> Self {
        Self { principal, scope: Scope::Full }
    }

    /// The same with a credential that is good for less.
    #[must_use]
    pub fn with_scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }
}

/// The credentials were not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// They are wrong, expired, revoked or unknown (401). The client is not told which.
    #[error("the credentials were refused: {reason}")]
    #[non_exhaustive]
    Refused {
        /// Why, for the log.
        reason: Cow<'static, str>,
        /// Whose credentials they were, or would have been, for the log.
        whose: Option<Box<Principal>>,
    },
    /// Too many were tried (429).
    #[error("too many credentials were tried")]
    Throttled {
        /// When the next may be.
        retry_after: Duration,
    },
    /// It cannot be decided for now (503), which is not a refusal.
    #[error("the authenticator could not decide")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl AuthenticationError {
    /// A refusal.
    #[must_use]
    pub fn refused(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused { reason: reason.into(), whose: None }
    }

    /// A refusal of somebody in particular: whose key it was that is no longer good, or whose name it
    /// was that came with a wrong password. That is only for somebody who is there: what else is sent
    /// as a name may be a password in the wrong place. An error that is no refusal stays as it is.
    #[must_use]
    pub fn of(self, principal: impl Into<Option<Principal>>) -> Self {
        match self {
            Self::Refused { reason, .. } => {
                Self::Refused { reason, whose: principal.into().map(Box::new) }
            }
            error => error,
        }
    }

    /// Whose credentials were refused, as far as that is known.
    #[must_use]
    pub fn whose(&self) -> Option<&Principal> {
        match self {
            Self::Refused { whose, .. } => whose.as_deref(),
            _ => None,
        }
    }
}
