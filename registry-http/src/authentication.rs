//! Who asks, where somebody can tell: from the request's header to its caller, and what a caller is
//! told who may not.

use std::sync::Arc;

use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, HeaderValue},
    http::request::Parts,
};
use registry_core::{
    credentials::Credentials,
    endpoint::Endpoint,
    error::RegistryError,
    identity::{Caller, PrincipalKind},
    ports::{AuthenticationError, Authenticator},
};

use crate::{
    authorization::credentials,
    base_path::BasePath,
    challenge::{BearerError, Challenge, Realm},
    logins::Logins,
    origin::Origin,
    scope, tokens,
};

/// Who finds out who asks, and how a client is told to say it.
#[derive(Clone)]
pub(crate) struct Authentication {
    authenticator: Arc<dyn Authenticator>,
    scheme: Scheme,
    realm: Realm,
}

/// What clients are challenged for. Both are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Basic,
    /// A token of the service in this process, for the audience that the realm names.
    Bearer,
}

impl Authentication {
    /// Challenges for a user name and a password.
    pub(crate) const fn basic(realm: Realm, authenticator: Arc<dyn Authenticator>) -> Self {
        Self { authenticator, scheme: Scheme::Basic, realm }
    }

    /// Challenges for a token of this service.
    pub(crate) const fn bearer(service: Realm, authenticator: Arc<dyn Authenticator>) -> Self {
        Self { authenticator, scheme: Scheme::Bearer, realm: service }
    }

    /// Makes the caller who the credentials say.
    pub(crate) async fn identify(
        &self,
        endpoint: &Endpoint,
        head: &Parts,
        logins: Logins<'_>,
        caller: &mut Caller,
    ) -> Result<(), RegistryError> {
        let credentials = credentials(&head.headers)
            .map_err(|error| AuthenticationError::refused(error.to_string()))?;
        let who = self.authenticator.authenticate(&credentials, caller.peer);
        let is_login = self.is_login(&credentials);
        let is_guarded = self.authenticator.is_guarded(&credentials);
        let who = match is_login {
            true => Box::pin(logins.attempt(caller, is_guarded, who)).await?,
            false => who.await?,
        };
        (caller.principal, caller.scope) = (who.principal, who.scope);
        if is_login && matches!(endpoint, Endpoint::Ping) {
            // How clients log in that get no token. They show the same with every request after it.
            Box::pin(logins.succeeded(caller)).await;
        }
        // Clients decide by the reply to the ping whether they ever show who they are. An anonymous
        // token is what they come back with who cannot.
        let has_shown_a_token = matches!(credentials, Credentials::Bearer(_));
        if matches!(endpoint, Endpoint::Ping) && is_anonymous(caller) && !has_shown_a_token {
            return Err(RegistryError::Unauthenticated);
        }
        Ok(())
    }

    /// Whether refusals of it are counted, and audited. A signed token cannot be guessed, and every
    /// client sends one that has expired at some time.
    fn is_login(&self, credentials: &Credentials) -> bool {
        match credentials {
            Credentials::Absent => false,
            Credentials::Bearer(_) => self.scheme == Scheme::Basic,
            _ => true,
        }
    }

    /// D22: whoever is nobody in particular is not told that they may not, but asked who they are;
    /// and a token that was not asked for this is no reason to give up, if another can be had.
    ///
    /// A token that does not carry what a request needs is 401 `insufficient_scope`, whether it was
    /// not asked for or its owner was refused it. It is 403 where no other token would do: where the
    /// credential could never do it (the key of another project), and where the token carries it and
    /// the policy denies it all the same, as with immutable tags. An anonymous one gets 401 there too,
    /// since its owner might log in. Neither says whether the repository is there.
    pub(crate) fn refusal(
        &self,
        error: RegistryError,
        headers: &HeaderMap,
        caller: &Caller,
    ) -> RegistryError {
        let can_ask_for_more = self.scheme == Scheme::Bearer && shows_a_token(headers);
        match error {
            RegistryError::Denied | RegistryError::InsufficientScope if is_anonymous(caller) => {
                RegistryError::Unauthenticated
            }
            RegistryError::InsufficientScope if !can_ask_for_more => RegistryError::Denied,
            error => error,
        }
    }

    /// The header of every 401 (RFC 9110 section 15.5.2). Without an endpoint it is for a request to
    /// the token service itself, which takes a user name and a password.
    pub(crate) fn challenge(
        &self,
        error: &RegistryError,
        endpoint: Option<&Endpoint>,
        head: &Parts,
        base_path: &BasePath,
        origin: impl FnOnce() -> Option<Origin>,
    ) -> HeaderValue {
        let (Scheme::Bearer, Some(endpoint)) = (self.scheme, endpoint) else {
            return self.realm.basic();
        };
        let bearer = |origin: Origin| Challenge::Bearer {
            realm: format!("{origin}{base_path}{}", tokens::PATH),
            service: self.realm.as_str().to_owned(),
            scope: scope::scope(endpoint),
            error: if shows_a_token(&head.headers) { bearer_error(error) } else { None },
        };
        // Where it is not clear how the client reaches the token service, it can still log in
        // without one.
        origin().and_then(|origin| bearer(origin).to_header()).unwrap_or_else(|| self.realm.basic())
    }
}

/// RFC 6750 section 3.1 has none for a request that shows nothing, and some clients give up when they
/// see one.
const fn bearer_error(error: &RegistryError) -> Option<BearerError> {
    match error {
        // The token of somebody who has not logged in is good, and for too little.
        RegistryError::InsufficientScope | RegistryError::Unauthenticated => {
            Some(BearerError::InsufficientScope)
        }
        RegistryError::Authentication(_) => Some(BearerError::InvalidToken),
        _ => None,
    }
}

fn shows_a_token(headers: &HeaderMap) -> bool {
    let scheme = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().get(..6));
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
}

fn is_anonymous(caller: &Caller) -> bool {
    caller.principal.kind() == PrincipalKind::Anonymous
}
