//! The token service: what a client gets for its credentials, at the registry's own origin
//! (distribution, "Token Authentication" and "OAuth2 Token Authentication").

mod answer;
mod reply;
mod request;

use std::{fmt, sync::Arc};

use hyper::Method;
use registry_core::{
    authentication::Tokens,
    endpoint::EndpointError,
    identity::CredentialKind,
    ports::{Authenticator, RefreshTokens, TokenIssuer, TokenVerifier},
};

pub(crate) use self::answer::Context;
use crate::challenge::Realm;

/// Where tokens are made, below the base path. A repository's name cannot start with `_`.
pub(crate) const PATH: &str = "/v2/_token";

/// Where the keys are that check them.
const KEYS_PATH: &str = "/v2/_jwks";

/// Makes tokens for clients that show credentials, and anonymous ones for those that do not, at
/// `GET` and `POST /v2/_token`. Cheap to clone.
///
/// A token carries of what was asked for what its principal may do, perhaps nothing. The registry
/// asks the policy again whenever it is used.
#[derive(Clone)]
pub struct TokenService {
    service: Realm,
    issuer: Arc<dyn TokenIssuer>,
    /// Of credentials, for which a token is made.
    credentials: Arc<dyn Authenticator>,
    /// Of tokens too, which the registry takes.
    tokens: Arc<dyn Authenticator>,
    refresh_tokens: Option<Arc<dyn RefreshTokens>>,
    keys: Option<Arc<dyn Fn() -> String + Send + Sync>>,
    not_to_pull_alone: Arc<[CredentialKind]>,
}

/// A request to the token service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenEndpoint {
    /// `GET /v2/_token`: ask for a token, with credentials in the header and the rest in the query
    Get,
    /// `POST /v2/_token`: ask for a token, with everything in a form
    Post,
    /// `GET|HEAD /v2/_jwks`: read the keys that tokens are checked with
    Keys,
}

impl TokenService {
    /// A service of this name, which clients name when they ask for a token. The issuer makes tokens
    /// for it, which the verifier takes; the authenticator checks the credentials for which they
    /// are made, and those that are sent to the registry without a token. A bearer that is shown for
    /// another token goes to the authenticator too, never to the verifier: no token is renewed by
    /// itself.
    pub fn new(
        service: Realm,
        issuer: impl TokenIssuer,
        verifier: impl TokenVerifier,
        authenticator: impl Authenticator,
    ) -> Self {
        let credentials: Arc<dyn Authenticator> = Arc::new(authenticator);
        Self {
            service,
            issuer: Arc::new(issuer),
            tokens: Arc::new(Tokens::new(verifier, Arc::clone(&credentials))),
            credentials,
            refresh_tokens: None,
            keys: None,
            not_to_pull_alone: Arc::default(),
        }
    }

    /// Makes refresh tokens too, for clients that ask for one when they log in, and takes them.
    #[must_use]
    pub fn refresh_tokens(self, refresh_tokens: impl RefreshTokens) -> Self {
        Self { refresh_tokens: Some(Arc::new(refresh_tokens)), ..self }
    }

    /// Answers `GET /v2/_jwks` with what this returns: the JSON of a key set (RFC 7517 section 5) with
    /// the public keys of all tokens that are still good. Without it the path is 404.
    #[must_use]
    pub fn keys(self, keys: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { keys: Some(Arc::new(keys)), ..self }
    }

    /// Refuses tokens (403) for one of these kinds of credentials that would carry `pull`, and `push`
    /// nowhere, and says what to do instead. What callers without credentials may pull stays free for
    /// all, where the registry is at hand that knows it. Default: none.
    ///
    /// This is about what a token is asked for. Credentials that are shown to the API itself ask for
    /// none: they are held back by the policy, as by
    /// [`PullWithPush`](registry_core::policy::PullWithPush), which goes with this.
    #[must_use]
    pub fn not_to_pull_alone(self, kinds: impl IntoIterator<Item = CredentialKind>) -> Self {
        Self { not_to_pull_alone: kinds.into_iter().collect(), ..self }
    }

    pub(crate) const fn service(&self) -> &Realm {
        &self.service
    }

    /// Who finds out who asks, by credentials and by tokens.
    pub(crate) fn authenticator(&self) -> Arc<dyn Authenticator> {
        Arc::clone(&self.tokens)
    }

    /// Reads a request line; `None` where the path is none of the service's.
    pub(crate) fn route(
        &self,
        method: &Method,
        path: &str,
    ) -> Option<Result<TokenEndpoint, EndpointError>> {
        Some(match (path, method) {
            (PATH, &Method::GET) => Ok(TokenEndpoint::Get),
            (PATH, &Method::POST) => Ok(TokenEndpoint::Post),
            (PATH, _) => Err(EndpointError::Method { allow: "GET, POST" }),
            (KEYS_PATH, _) if self.keys.is_none() => return None,
            (KEYS_PATH, &Method::GET | &Method::HEAD) => Ok(TokenEndpoint::Keys),
            (KEYS_PATH, _) => Err(EndpointError::Method { allow: "GET, HEAD" }),
            _ => return None,
        })
    }
}

impl fmt::Debug for TokenService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenService")
            .field("service", &self.service)
            .field("not_to_pull_alone", &self.not_to_pull_alone)
            .finish_non_exhaustive()
    }
}
