//! What the service is made of.

use std::{fmt, sync::Arc};

use registry_core::{
    identity::Principal,
    ports::{AuditLog, Authenticator, Clock, Random, RateLimiter, Source},
    registry::Registry,
};

use super::{RegistryService, Shared};
use crate::{
    audit::Audit, authentication::Authentication, base_path::BasePath, budget::Budget,
    challenge::Realm, limits::Limits, origin::Origin, pace::BodyTimeouts, proxies::TrustedProxies,
    request::RequestIds, tokens::TokenService,
};

/// What the service is made of.
#[must_use]
pub struct Builder {
    source: Arc<dyn Source>,
    registry: Option<Registry>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    base_path: BasePath,
    public_url: Option<Origin>,
    proxies: TrustedProxies,
    body_timeouts: BodyTimeouts,
    body_memory: u64,
    authentication: Option<Authentication>,
    tokens: Option<TokenService>,
    limits: Option<Limits>,
    audit: Option<Arc<dyn AuditLog>>,
}

impl Builder {
    pub(super) fn new(
        source: Arc<dyn Source>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            source,
            registry: None,
            clock,
            random,
            base_path: BasePath::default(),
            public_url: None,
            proxies: TrustedProxies::default(),
            body_timeouts: BodyTimeouts::default(),
            body_memory: 256 * 1024 * 1024,
            authentication: None,
            tokens: None,
            limits: None,
            audit: None,
        }
    }

    pub(super) fn registry(self, registry: Registry) -> Self {
        Self { registry: Some(registry), ..self }
    }

    /// Serves below this path instead of the root.
    pub fn base_path(self, base_path: BasePath) -> Self {
        Self { base_path, ..self }
    }

    /// Where clients reach the server, as they are told with the address of the token service.
    /// Without it that is where each of them says it was: in `Host`, or in what a trusted proxy
    /// makes of that.
    pub fn public_url(self, origin: Origin) -> Self {
        Self { public_url: Some(origin), ..self }
    }

    /// Believes these proxies what they say of their clients: who they are, for limits and logs, and
    /// what they asked for. None by default, and the client is whoever has the connection. The first
    /// request that says it was forwarded, and comes from none of them, is warned of in the log.
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        Self { proxies, ..self }
    }

    /// Answers reads from here instead of the registry: from a cache, an overlay, an upstream.
    pub fn reads(self, source: Arc<dyn Source>) -> Self {
        Self { source, ..self }
    }

    /// How slowly a client may send a body.
    pub fn body_timeouts(self, body_timeouts: BodyTimeouts) -> Self {
        Self { body_timeouts, ..self }
    }

    /// How many bytes of memory the bodies of all requests may take together, about; 256 MiB by
    /// default, 4 MiB at least. An upload takes its size of it and at most 1 MiB, a manifest its
    /// size. A request that finds no room waits a little and is then told to come back (503).
    pub fn body_memory(self, bytes: u64) -> Self {
        Self { body_memory: bytes, ..self }
    }

    /// Asks this authenticator who sends a request.
    ///
    /// Without one, and without [`Builder::tokens`], everybody is anonymous, and an `Authorization`
    /// header says nothing, whatever is in it: there is nothing that it could be compared with, and a
    /// client that still holds credentials for this host can use a registry that is open all the same.
    /// A wrong password is then not refused, so decide by the policy alone what is open. As soon as
    /// there is an authenticator, whatever it does not accept is 401, and never anonymous.
    ///
    /// Clients are challenged for a user name and a password (`Basic`), under this realm. They take
    /// the scheme from `GET /v2/`, which is therefore 401 for whoever is anonymous; what is open to
    /// anonymous callers answers them all the same. Serve this over TLS only: passwords are sent as
    /// they are.
    pub fn authenticator(self, realm: &Realm, authenticator: impl Authenticator) -> Self {
        let authentication = Authentication::basic(realm.clone(), Arc::new(authenticator));
        Self { authentication: Some(authentication), tokens: None, ..self }
    }

    /// Challenges clients for a token (`Bearer`), and makes tokens for them, at `/v2/_token` below the
    /// base path. User names and passwords are taken without one too.
    ///
    /// As with [`Builder::authenticator`], in whose place this is, `GET /v2/` is 401 for whoever shows
    /// nothing; it is 200 with any token, an anonymous one too. Serve this over TLS only.
    pub fn tokens(self, tokens: TokenService) -> Self {
        let authentication =
            Authentication::bearer(tokens.service().clone(), tokens.authenticator());
        Self { authentication: Some(authentication), tokens: Some(tokens), ..self }
    }

    /// Asks this limiter for every request: for one of `Requests` of its address before it is known
    /// who asks, then of its principal and of the namespace of its repository; where tokens are made
    /// for one of `TokenRequests` of the address and of the principal. Each refused attempt to log in
    /// takes one of the `Failures` of its address, and where none is left none is made: to find that
    /// out one is taken before each and given back at once. What the authenticator
    /// [guards](registry_core::ports::Authenticator::is_guarded), and refresh tokens, are always looked
    /// at; each that is refused takes one of the `Refusals`.
    ///
    /// Where there is none left the reply is 429 and says when to try again. Clients whose address is
    /// not known, since the server does not say it, share one.
    pub fn limiter(self, limiter: impl RateLimiter) -> Self {
        Self { limits: Some(Limits::new(limiter)), ..self }
    }

    /// Tells this log of logins: of tokens that somebody got and of passwords that were right at
    /// `GET /v2/`, and of credentials that were refused, if they could have been guessed. A signed
    /// token cannot, and is refused to every client that has kept one for too long.
    pub fn audit_log(self, log: impl AuditLog) -> Self {
        Self { audit: Some(Arc::new(log)), ..self }
    }

    /// The service.
    #[must_use]
    pub fn build(self) -> RegistryService {
        RegistryService(Arc::new(Shared {
            source: self.source,
            registry: self.registry,
            request_ids: RequestIds::new(&*self.random),
            anonymous: Principal::anonymous(),
            base_path: self.base_path,
            public_url: self.public_url,
            proxies: self.proxies,
            body_timeouts: self.body_timeouts,
            budget: Budget::new(self.body_memory, Arc::clone(&self.clock)),
            authentication: self.authentication,
            tokens: self.tokens,
            limits: self.limits,
            audit: self.audit.map(|log| Audit::new(log, Arc::clone(&self.clock))),
            clock: self.clock,
        }))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("registry", &self.registry)
            .field("base_path", &self.base_path)
            .field("body_timeouts", &self.body_timeouts)
            .field("body_memory", &self.body_memory)
            .finish_non_exhaustive()
    }
}
