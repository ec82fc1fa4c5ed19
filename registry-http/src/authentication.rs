//! Who asks, where somebody can tell: from the request's header to its caller, and what a caller is
//! told who is nobody in particular.

use std::sync::Arc;

use hyper::{
    HeaderMap, Response, StatusCode,
    header::{HeaderValue, WWW_AUTHENTICATE},
};
use registry_core::{
    endpoint::Endpoint,
    error::RegistryError,
    identity::{Caller, PrincipalKind},
    ports::{AuthenticationError, Authenticator},
};

use crate::{authorization::credentials, challenge::Realm};

/// Who finds out who asks, and how a client is told to say it.
#[derive(Clone)]
pub(crate) struct Authentication {
    authenticator: Arc<dyn Authenticator>,
    challenge: HeaderValue,
}

impl Authentication {
    pub(crate) fn new(realm: &Realm, authenticator: impl Authenticator) -> Self {
        Self { authenticator: Arc::new(authenticator), challenge: realm.basic() }
    }

    /// Makes the caller who the credentials say.
    pub(crate) async fn identify(
        &self,
        endpoint: &Endpoint,
        headers: &HeaderMap,
        caller: &mut Caller,
    ) -> Result<(), RegistryError> {
        let credentials = credentials(headers)
            .map_err(|error| AuthenticationError::refused(error.to_string()))?;
        let who = self.authenticator.authenticate(&credentials, caller.peer).await?;
        (caller.principal, caller.scope) = (who.principal, who.scope);
        // Clients decide by the reply to the ping whether they ever show who they are.
        if matches!(endpoint, Endpoint::Ping) && is_anonymous(caller) {
            return Err(RegistryError::Unauthenticated);
        }
        Ok(())
    }

    /// D22: whoever is nobody in particular is not told that they may not, but asked who they are.
    pub(crate) fn refusal(error: RegistryError, caller: &Caller) -> RegistryError {
        match error {
            RegistryError::Denied if is_anonymous(caller) => RegistryError::Unauthenticated,
            error => error,
        }
    }

    /// RFC 9110 section 15.5.2: a 401 says how to authenticate.
    pub(crate) fn challenge<B>(&self, response: &mut Response<B>) {
        if response.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, self.challenge.clone());
        }
    }
}

fn is_anonymous(caller: &Caller) -> bool {
    caller.principal.kind() == PrincipalKind::Anonymous
}
