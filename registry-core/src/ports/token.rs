//! Tokens: what a client gets for its credentials, and shows instead of them.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use auto_impl::auto_impl;

use super::AuthenticationError;
use crate::{
    access::Grant,
    credentials::Secret,
    identity::{Principal, PrincipalKind},
};

/// Makes tokens. Asynchronous, since a key service may sign them.
///
/// # Contract
/// A token of one registry says who its principal is (kind, id, groups, credential) and what it
/// carries, for a time that is short, since a token cannot be called back. Tokens of different
/// [`PrincipalKind`]s are of different kinds: none is taken for another.
#[async_trait]
#[auto_impl(Arc)]
pub trait TokenIssuer: Send + Sync + 'static {
    /// A token of this principal that carries these grants, those without actions included.
    ///
    /// # Errors
    /// [`TokenError::TooLong`] where it would be longer than the issuer lets it be,
    /// [`TokenError::Unavailable`] when it cannot be signed.
    async fn issue(
        &self,
        principal: &Principal,
        grants: &[Grant],
    ) -> Result<IssuedToken, TokenError>;
}

/// Reads tokens that its [`TokenIssuer`] made.
#[async_trait]
#[auto_impl(Arc)]
pub trait TokenVerifier: Send + Sync + 'static {
    /// What a token says, if it was made for this registry, is of one of the accepted kinds, and has
    /// not expired.
    ///
    /// # Errors
    /// [`AuthenticationError::Refused`] with a reason for the log, and others; none of them shows the
    /// token.
    async fn verify(
        &self,
        token: &Secret,
        accepted: &[PrincipalKind],
    ) -> Result<VerifiedToken, AuthenticationError>;
}

/// Makes and takes refresh tokens, with which a client gets tokens after the password is forgotten.
///
/// # Contract
/// A refresh token cannot be guessed, and costs little to look up. It can be used again and again until it expires or is revoked, and is no longer good
/// when its user is disabled or has another password.
#[async_trait]
#[auto_impl(Arc)]
pub trait RefreshTokens: Send + Sync + 'static {
    /// A refresh token of this principal; `None` where it gets none, as with keys, which can be
    /// revoked one by one.
    ///
    /// # Errors
    /// [`TokenError::Unavailable`] when it cannot be kept.
    async fn issue(&self, principal: &Principal) -> Result<Option<Secret>, TokenError>;

    /// Whose it is, as they are now.
    ///
    /// # Errors
    /// As of [`Authenticator::authenticate`](super::Authenticator::authenticate).
    async fn redeem(&self, token: &Secret) -> Result<Principal, AuthenticationError>;
}

/// A token, and how long it is good.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it is what the protocol's reply says")]
pub struct IssuedToken {
    /// The token.
    pub token: Secret,
    /// Since when.
    pub issued: SystemTime,
    /// For how long; clients take less than 60 seconds for 60.
    pub lifetime: Duration,
}

/// What a token says.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it is what went into it")]
pub struct VerifiedToken {
    /// Whose it is.
    pub principal: Principal,
    /// What it carries.
    pub grants: Arc<[Grant]>,
}

/// A token could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// What it is to carry does not fit into one, today or tomorrow: the client has to ask for less
    /// (400).
    #[error("what was asked for does not fit into one token: ask for fewer scopes")]
    TooLong,
    /// It cannot be signed or kept for now (503), which is no fault of the request.
    #[error("the token could not be made")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}
