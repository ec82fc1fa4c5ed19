//! The authenticators that ship.

use std::net::IpAddr;

use async_trait::async_trait;

use crate::{
    access::Scope,
    credentials::Credentials,
    identity::PrincipalKind,
    ports::{Authenticated, AuthenticationError, Authenticator, TokenVerifier},
};

/// Tokens, before another authenticator for everything that is none.
#[derive(Clone, Copy, Debug)]
pub struct Tokens<V, A> {
    verifier: V,
    others: A,
}

/// Whose tokens a registry takes.
const ACCEPTED: [PrincipalKind; 5] = [
    PrincipalKind::Anonymous,
    PrincipalKind::User,
    PrincipalKind::Service,
    PrincipalKind::Project,
    PrincipalKind::Runner,
];

impl<V: TokenVerifier, A: Authenticator> Tokens<V, A> {
    /// Asks the verifier about every bearer, and the other about everything else.
    #[must_use]
    pub const fn new(verifier: V, others: A) -> Self {
        Self { verifier, others }
    }
}

#[async_trait]
impl<V: TokenVerifier, A: Authenticator> Authenticator for Tokens<V, A> {
    async fn authenticate(
        &self,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<Authenticated, AuthenticationError> {
        let Credentials::Bearer(token) = credentials else {
            return self.others.authenticate(credentials, peer).await;
        };
        let token = self.verifier.verify(token, &ACCEPTED).await?;
        Ok(Authenticated::new(token.principal).with_scope(Scope::Limited(token.grants)))
    }

    /// A signature is not guessed.
    fn is_guarded(&self, credentials: &Credentials) -> bool {
        matches!(credentials, Credentials::Bearer(_)) || self.others.is_guarded(credentials)
    }
}
