//! The one user of our own server, where it has any.

use std::net::IpAddr;

use async_trait::async_trait;
use hyper::header::HeaderValue;
use registry_core::{
    credentials::Credentials,
    identity::{Principal, PrincipalKind},
    ports::{Authenticated, AuthenticationError, Authenticator},
};

/// `wire:secret`
const PASSWORD: HeaderValue = HeaderValue::from_static("Basic d2lyZTpzZWNyZXQ=");

/// Lets that one in.
#[derive(Debug)]
pub(crate) struct OneUser;

impl OneUser {
    /// What the user shows.
    pub(crate) fn password() -> HeaderValue {
        PASSWORD
    }
}

#[async_trait]
impl Authenticator for OneUser {
    async fn authenticate(
        &self,
        credentials: &Credentials,
        _: Option<IpAddr>,
    ) -> Result<Authenticated, AuthenticationError> {
        match credentials {
            Credentials::Absent => Ok(Authenticated::new(Principal::anonymous())),
            Credentials::Basic { username, password }
                if username == "wire" && password.expose() == "secret" =>
            {
                Ok(Authenticated::new(Principal::new(PrincipalKind::User, "wire")))
            }
            _ => Err(AuthenticationError::refused("it is not the one user")),
        }
    }
}
