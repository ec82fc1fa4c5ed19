//! From a request for a token to the reply.

use hyper::http::request::Parts;
use registry_core::{
    access::{Action, Grant},
    credentials::{Credentials, Secret},
    error::RegistryError,
    identity::{Caller, Principal, PrincipalKind},
    ports::{Authenticated, AuthenticationError, Limit, TokenError},
    registry::Registry,
};

use super::{
    TokenEndpoint, TokenService, reply,
    request::{self, MAX_FORM, Proof, TokenRequest, malformed},
};
use crate::{budget::Budget, endpoints::Reply, incoming::Incoming, logins::Logins};

/// What the service needs of the rest.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// Knows who may do what; without one a token carries what it is asked for, as far as that is to
    /// read, and its use is up to the source.
    pub(crate) registry: Option<&'a Registry>,
    pub(crate) logins: Logins<'a>,
    pub(crate) budget: &'a Budget,
}

impl TokenService {
    /// Answers a request, and makes the caller who its credentials say.
    pub(crate) async fn answer(
        &self,
        endpoint: TokenEndpoint,
        context: Context<'_>,
        head: &Parts,
        body: Option<Box<Incoming>>,
        caller: &mut Caller,
    ) -> Reply {
        let limit = match endpoint {
            TokenEndpoint::Keys => Limit::Requests,
            TokenEndpoint::Get | TokenEndpoint::Post => Limit::TokenRequests,
        };
        if let Some(limits) = context.logins.limits {
            limits.address(limit, caller).await?;
        }
        match endpoint {
            TokenEndpoint::Keys => {
                Ok(reply::keys(self.keys.as_ref().map(|keys| keys()).unwrap_or_default()))
            }
            TokenEndpoint::Get => {
                let query = head.uri.query().unwrap_or_default();
                let asked = TokenRequest::from_query(query, &head.headers)?;
                self.token(asked, endpoint, context, caller).await
            }
            TokenEndpoint::Post => {
                let share = || context.budget.stream(Some(MAX_FORM as u64));
                let body = body.map(|body| body.with_share(share()));
                let form = request::read_form(&head.headers, body).await?;
                let asked = TokenRequest::from_form(&form)?;
                self.token(asked, endpoint, context, caller).await
            }
        }
    }

    /// Makes a token.
    async fn token(
        &self,
        asked: TokenRequest,
        endpoint: TokenEndpoint,
        context: Context<'_>,
        caller: &mut Caller,
    ) -> Reply {
        // Tokens are for this service and no other, whatever a client asks for.
        if asked.service.as_deref().is_some_and(|service| service != self.service.as_str()) {
            return Err(malformed("its service is not this one"));
        }
        self.identify(&asked.proof, context.logins, caller).await?;
        if let Some(limits) = context.logins.limits {
            limits.principal(Limit::TokenRequests, caller).await?;
        }
        let grants = match context.registry {
            Some(registry) => registry.grant(caller, &asked.grants).await?,
            None => asked.grants.iter().map(to_read).collect(),
        };
        if let Err(error) = self.check_pull(context.registry, caller, &grants).await {
            if let Some(audit) = context.logins.audit {
                audit.refused(caller, &caller.principal, &error.to_string()).await;
            }
            return Err(error);
        }
        let issued = self.issuer.issue(&caller.principal, &grants).await.map_err(not_made)?;
        let refresh_token = self.refresh_token(&asked, &caller.principal).await?;
        let scope = scope_of(&grants);
        if let Some(audit) = context.logins.audit {
            audit.logged_in(caller, &scope).await;
        }
        let told = (endpoint == TokenEndpoint::Post).then_some(&*scope);
        Ok(reply::token(&issued, told, refresh_token.as_ref()))
    }

    async fn identify(
        &self,
        proof: &Proof,
        logins: Logins<'_>,
        caller: &mut Caller,
    ) -> Result<(), RegistryError> {
        let who = async {
            match proof {
                Proof::Credentials(credentials) => {
                    self.credentials.authenticate(credentials, caller.peer).await
                }
                Proof::RefreshToken(token) => self.redeem(token).await.map(Authenticated::new),
            }
        };
        let who = match proof {
            Proof::Credentials(Credentials::Absent) => who.await?,
            Proof::Credentials(credentials) => {
                logins.attempt(caller, self.credentials.is_guarded(credentials), who).await?
            }
            Proof::RefreshToken(_) => logins.attempt(caller, true, who).await?,
        };
        (caller.principal, caller.scope) = (who.principal, who.scope);
        Ok(())
    }

    async fn redeem(&self, token: &Secret) -> Result<Principal, AuthenticationError> {
        match &self.refresh_tokens {
            Some(refresh_tokens) => refresh_tokens.redeem(token).await,
            None => Err(AuthenticationError::refused("there are no refresh tokens here")),
        }
    }

    /// Where a setting says that a kind of credentials is for pushing. It goes by what is granted,
    /// since what else is asked for costs nothing. A mount pulls from one repository and pushes to
    /// another, so one push is enough. What everybody may pull is held back from nobody.
    async fn check_pull(
        &self,
        registry: Option<&Registry>,
        caller: &Caller,
        granted: &[Grant],
    ) -> Result<(), RegistryError> {
        let grants = |action| granted.iter().any(|grant| grant.actions().contains(&action));
        let is_pull_alone = grants(Action::Pull) && !grants(Action::Push);
        if !is_pull_alone || !self.not_to_pull_alone.contains(&caller.principal.credential()) {
            return Ok(());
        }
        if let Some(registry) = registry
            && self.everybody_pulls(registry, caller, granted).await?
        {
            return Ok(());
        }
        Err(RegistryError::Refused(
            "this kind of key is for pushing, and gets no token that can only pull: log in with \
             other credentials, or with none where everybody may pull",
        ))
    }

    /// Whether all that these pull is there for callers without credentials, where those are let in.
    async fn everybody_pulls(
        &self,
        registry: &Registry,
        caller: &Caller,
        granted: &[Grant],
    ) -> Result<bool, RegistryError> {
        let nobody = match self.credentials.authenticate(&Credentials::Absent, caller.peer).await {
            Ok(nobody) if nobody.principal.kind() == PrincipalKind::Anonymous => nobody,
            Ok(_) | Err(AuthenticationError::Refused { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let pulls = granted.iter().filter(|grant| grant.actions().contains(&Action::Pull));
        let pulls: Vec<Grant> =
            pulls.map(|grant| Grant::new(grant.resource().clone(), [Action::Pull])).collect();
        let nobody = Caller::new(nobody.principal, "").with_scope(nobody.scope);
        Ok(registry.grant(&nobody, &pulls).await? == pulls)
    }

    /// The refresh token of the reply: a new one for whoever logs in and asks for it, else the one
    /// that was shown.
    async fn refresh_token(
        &self,
        asked: &TokenRequest,
        principal: &Principal,
    ) -> Result<Option<Secret>, RegistryError> {
        match (&asked.proof, &self.refresh_tokens) {
            (Proof::RefreshToken(token), _) => Ok(Some(token.clone())),
            (Proof::Credentials(_), Some(refresh_tokens))
                if asked.is_offline && principal.kind() != PrincipalKind::Anonymous =>
            {
                refresh_tokens.issue(principal).await.map_err(not_made)
            }
            _ => Ok(None),
        }
    }
}

/// A key service that cannot be reached is no refusal; but to come back later would not help whoever
/// asks for too much.
fn not_made(error: TokenError) -> RegistryError {
    match error {
        TokenError::TooLong => malformed("its scopes do not fit into one token: ask for fewer"),
        error => AuthenticationError::Unavailable(Box::new(error)).into(),
    }
}

fn to_read(asked: &Grant) -> Grant {
    let reads = |action: &&Action| matches!(action, Action::Pull | Action::Catalog);
    let actions = asked.actions().iter().filter(reads).copied();
    Grant::new(asked.resource().clone(), actions)
}

/// What was granted, without what was not: an empty list of actions is no scope.
fn scope_of(grants: &[Grant]) -> String {
    let granted = grants.iter().filter(|grant| !grant.actions().is_empty());
    granted.filter_map(Grant::to_scope).collect::<Vec<_>>().join(" ")
}
