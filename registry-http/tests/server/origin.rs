//! Where clients are sent for a token: to the server as they reached it.

use std::net::IpAddr;

use async_trait::async_trait;
use registry_adapters::{
    memory::{MemoryContents, MemoryRecords},
    system::{SystemClock, SystemRandom},
};
use registry_core::{
    access::Grant,
    credentials::{Credentials, Secret},
    identity::{Principal, PrincipalKind},
    policy::AllowAll,
    ports::{
        Authenticated, AuthenticationError, Authenticator, IssuedToken, TokenError, TokenIssuer,
        TokenVerifier, VerifiedToken,
    },
    registry::Registry,
};
use registry_http::{Challenge, RegistryService, ServerOptions, TokenService};

use super::support::*;

/// Knows nobody, and makes no tokens.
#[derive(Clone, Copy)]
struct Nobody;

#[async_trait]
impl Authenticator for Nobody {
    async fn authenticate(
        &self,
        _: &Credentials,
        _: Option<IpAddr>,
    ) -> Result<Authenticated, AuthenticationError> {
        Ok(Authenticated::new(Principal::anonymous()))
    }
}

#[async_trait]
impl TokenIssuer for Nobody {
    async fn issue(&self, _: &Principal, _: &[Grant]) -> Result<IssuedToken, TokenError> {
        Err(TokenError::Unavailable("there are none".into()))
    }
}

#[async_trait]
impl TokenVerifier for Nobody {
    async fn verify(
        &self,
        _: &Secret,
        _: &[PrincipalKind],
    ) -> Result<VerifiedToken, AuthenticationError> {
        Err(AuthenticationError::refused("there are none"))
    }
}

/// A service that sends everybody to its token service.
pub(crate) fn service() -> RegistryService {
    let (contents, records) = (MemoryContents::default(), MemoryRecords::default());
    let (clock, random) = (SystemClock::new(), SystemRandom);
    let registry = Registry::builder(contents, records, AllowAll, clock, random).build();
    let name = "registry".parse().expect("a name");
    RegistryService::builder(registry, clock, random)
        .tokens(TokenService::new(name, Nobody, Nobody, Nobody))
        .build()
}

/// Where a reply sends a client.
pub(crate) fn realm(reply: &Reply) -> String {
    assert_eq!(reply.status, 401);
    let header = reply.headers["www-authenticate"].to_str().expect("ASCII");
    match header.parse() {
        Ok(Challenge::Bearer { realm, .. }) => realm,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_client_is_sent_to_the_host_that_it_asked() {
    let server = start(service(), ServerOptions::default()).await;
    for mut client in [server.http1().await, server.http2().await] {
        let reply = client.send("GET", "/v2/", &[], "").await;
        assert_eq!(realm(&reply), "http://registry.test/v2/_token");
    }
}
