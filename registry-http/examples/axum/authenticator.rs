//! From credentials to a user of the application.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use registry_core::{
    credentials::Credentials,
    identity::{Principal, PrincipalKind},
    ports::{Authenticated, AuthenticationError, Authenticator},
};

use super::accounts::Accounts;

/// Takes a user's key in place of a password.
pub(crate) struct KeyAuthenticator(pub(crate) Arc<Accounts>);

#[async_trait]
impl Authenticator for KeyAuthenticator {
    async fn authenticate(
        &self,
        credentials: &Credentials,
        _: Option<IpAddr>,
    ) -> Result<Authenticated, AuthenticationError> {
        let (username, key) = match credentials {
            Credentials::Absent => return Ok(Authenticated::new(Principal::anonymous())),
            Credentials::Basic { username, password } => (username, password),
            _ => return Err(AuthenticationError::refused("only user and key are taken")),
        };
        match self.0.by_key(key.expose()) {
            Some(account) if account.name == *username => {
                let principal = Principal::new(PrincipalKind::User, &account.name);
                Ok(Authenticated::new(principal.with_value(Arc::clone(account) as _)))
            }
            Some(_) => Err(AuthenticationError::refused("the key is another user's")),
            None => Err(AuthenticationError::refused("there is no such key")),
        }
    }
}
