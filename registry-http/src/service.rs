//! The service: from a request to its reply.

mod builder;

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::{
    Method, Request, Response, StatusCode, body::Body, header::WWW_AUTHENTICATE,
    http::request::Parts,
};
use registry_core::{
    endpoint::{Endpoint, EndpointError},
    error::RegistryError,
    identity::{Caller, Principal},
    ports::{Clock, Limit, LimitKey, Random, Source},
    registry::Registry,
};

pub use self::builder::Builder;
use crate::{
    access_log::{self, AccessEntry},
    audit::Audit,
    authentication::Authentication,
    base_path::BasePath,
    body::ResponseBody,
    budget::Budget,
    endpoints::{Exchange, Reply},
    error::{self, status},
    incoming::{BoxError, Incoming},
    limits::Limits,
    logins::Logins,
    origin::Origin,
    pace::BodyTimeouts,
    proxies::TrustedProxies,
    reply,
    request::{self, ConnectionInfo, RequestIds},
    tokens::{self, TokenEndpoint, TokenService},
};

/// A registry as a service of hyper and of tower, for requests with any body. Cheap to clone, and
/// usable without a socket.
#[derive(Clone)]
pub struct RegistryService(Arc<Shared>);

/// A reply on its way.
pub type ResponseFuture =
    Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Infallible>> + Send>>;

struct Shared {
    source: Arc<dyn Source>,
    registry: Option<Registry>,
    clock: Arc<dyn Clock>,
    request_ids: RequestIds,
    anonymous: Principal,
    base_path: BasePath,
    public_url: Option<Origin>,
    proxies: TrustedProxies,
    body_timeouts: BodyTimeouts,
    budget: Budget,
    authentication: Option<Authentication>,
    tokens: Option<TokenService>,
    limits: Option<Limits>,
    audit: Option<Audit>,
}

/// What a request asks for.
enum Route {
    Api(Endpoint),
    /// The token protocol is not the API's, and its paths are no endpoints of it.
    Tokens(TokenEndpoint),
}

impl RegistryService {
    /// The service of a registry at the root of its server.
    pub fn new(registry: Registry, clock: impl Clock, random: impl Random) -> Self {
        Self::builder(registry, clock, random).build()
    }

    /// Starts the service of a registry, which answers reads and writes.
    pub fn builder(registry: Registry, clock: impl Clock, random: impl Random) -> Builder {
        Self::reader(Arc::new(registry.clone()), clock, random).registry(registry)
    }

    /// Starts the service of a source that can only be read: every write is 405.
    pub fn reader(source: Arc<dyn Source>, clock: impl Clock, random: impl Random) -> Builder {
        Builder::new(source, Arc::new(clock), Arc::new(random))
    }

    fn respond<B>(&self, request: Request<B>) -> ResponseFuture
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        let body = Incoming::new(&head, body, self.0.body_timeouts, &self.0.clock);
        Box::pin(Arc::clone(&self.0).exchange(head, body.map(Box::new)))
    }
}

impl Shared {
    /// Answers one request, whatever comes: a failure is a reply too.
    ///
    /// Its future is kept small, because it is allocated for every request.
    #[expect(clippy::manual_async_fn, reason = "that would hold each argument twice")]
    fn exchange(
        self: Arc<Self>,
        head: Parts,
        body: Option<Box<Incoming>>,
    ) -> impl Future<Output = Result<Response<ResponseBody>, Infallible>> + Send {
        async move {
            let mut caller = self.caller(&head);
            let started = access_log::is_enabled().then(|| self.clock.monotonic());
            let received = body.as_ref().map(|body| body.received());

            let route = self.route(&head);
            let outcome = self.answer(&head, &route, &mut caller, body).await;
            let mut response =
                outcome.unwrap_or_else(|error| self.failed(&error, &head, &route, &caller));

            reply::add_to_every(response.headers_mut(), &caller.request_id);
            let entry = started.map(|started| {
                Box::new(AccessEntry {
                    request_id: Arc::clone(&caller.request_id),
                    principal: caller.principal.clone(),
                    method: head.method.clone(),
                    uri: head.uri.clone(),
                    status: response.status(),
                    received,
                    started,
                    clock: Arc::clone(&self.clock),
                    sent: 0,
                    is_complete: false,
                })
            });
            Ok(response.map(|body| {
                let body = if head.method == Method::HEAD { body.without_bytes() } else { body };
                body.of_request(caller.request_id, entry)
            }))
        }
    }

    /// Who asks, as far as that is known before anything is checked.
    fn caller(&self, head: &Parts) -> Caller {
        let request_id = self.request_ids.of(&head.headers);
        let peer = self.proxies.client(head, &request_id);
        request::caller(&self.anonymous, request_id, peer)
    }

    /// What is allocated here is for other requests than pulls, for limits, and for failures.
    #[expect(clippy::manual_async_fn, reason = "that would hold each argument twice")]
    fn answer<'a>(
        &'a self,
        head: &'a Parts,
        route: &'a Result<Route, EndpointError>,
        caller: &'a mut Caller,
        body: Option<Box<Incoming>>,
    ) -> impl Future<Output = Reply> + Send + 'a {
        async move {
            let Ok(Route::Api(endpoint)) = route else {
                return Box::pin(self.answer_others(head, route, caller, body)).await;
            };
            let failed = {
                let limits = self.limits.as_ref().filter(|limits| limits.are_of_requests);
                let admitted = match (limits, &self.authentication) {
                    (Some(limits), _) => Box::pin(self.admit(head, endpoint, limits, caller)).await,
                    (None, Some(authentication)) => {
                        let logins = self.logins();
                        let identified = authentication.identify(endpoint, head, logins, caller);
                        identified.await.map(|()| None)
                    }
                    (None, None) => Ok(None),
                };
                match admitted {
                    Err(error) => Box::pin(self.after_failure(error, head, caller, None)),
                    Ok(reserved) => {
                        match self.exchange_with(head, caller).answer(endpoint, body).await {
                            Err(error) => {
                                Box::pin(self.after_failure(error, head, caller, reserved))
                            }
                            answer => return answer,
                        }
                    }
                }
            };
            Err(failed.await)
        }
    }

    /// Takes what a request needs of the limits: of its address before it is clear who asks, then of
    /// them and of the namespace. The last is given back where it turns out that they may not.
    async fn admit(
        &self,
        head: &Parts,
        endpoint: &Endpoint,
        limits: &Limits,
        caller: &mut Caller,
    ) -> Result<Option<Box<LimitKey>>, RegistryError> {
        limits.address(Limit::Requests, caller).await?;
        if let Some(authentication) = &self.authentication {
            authentication.identify(endpoint, head, self.logins(), caller).await?;
        }
        limits.principal(Limit::Requests, caller).await?;
        limits.namespace(endpoint, caller).await
    }

    /// What else has to be done about a request that failed, and the error that its client gets.
    async fn after_failure(
        &self,
        error: RegistryError,
        head: &Parts,
        caller: &Caller,
        reserved: Option<Box<LimitKey>>,
    ) -> RegistryError {
        if let (Some(limits), Some(reserved)) = (&self.limits, reserved)
            && matches!(status(error.code()), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        {
            // Who may not is not to use up what those have who may.
            limits.give_back(&reserved).await;
        }
        match &self.authentication {
            Some(authentication) => authentication.refusal(error, &head.headers, caller),
            None => error,
        }
    }

    /// Answers what is none of the API's. It counts as a request all the same.
    async fn answer_others(
        &self,
        head: &Parts,
        route: &Result<Route, EndpointError>,
        caller: &mut Caller,
        body: Option<Box<Incoming>>,
    ) -> Reply {
        let error = match (route, &self.tokens) {
            (Ok(Route::Tokens(endpoint)), Some(tokens)) => {
                return tokens.answer(*endpoint, self.token_context(), head, body, caller).await;
            }
            (Err(error), _) => *error,
            (Ok(_), _) => EndpointError::NoRoute,
        };
        if let Some(limits) = &self.limits {
            limits.address(Limit::Requests, caller).await?;
        }
        Err(error.into())
    }

    const fn logins(&self) -> Logins<'_> {
        Logins { limits: self.limits.as_ref(), audit: self.audit.as_ref() }
    }

    fn token_context(&self) -> tokens::Context<'_> {
        tokens::Context {
            registry: self.registry.as_ref(),
            logins: self.logins(),
            budget: &self.budget,
        }
    }

    fn exchange_with<'a>(&'a self, head: &'a Parts, caller: &'a Caller) -> Exchange<'a> {
        let connection = head.extensions.get::<ConnectionInfo>();
        Exchange {
            source: &*self.source,
            registry: self.registry.as_ref(),
            base_path: &self.base_path,
            budget: &self.budget,
            caller,
            headers: &head.headers,
            windows: connection.and_then(|connection| connection.windows.as_ref()),
        }
    }

    /// The reply to a request that failed: the one place where a 401 is made.
    fn failed(
        &self,
        error: &RegistryError,
        head: &Parts,
        route: &Result<Route, EndpointError>,
        caller: &Caller,
    ) -> Response<ResponseBody> {
        let endpoint = match route {
            Ok(Route::Api(endpoint)) => Some(endpoint),
            Ok(Route::Tokens(_)) | Err(_) => None,
        };
        let mut response = error::response(error, endpoint, &self.base_path, caller);
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(authentication) = &self.authentication
        {
            let origin = || self.public_url.clone().or_else(|| self.proxies.origin(head));
            let challenge =
                authentication.challenge(error, endpoint, head, &self.base_path, origin);
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }

    fn route(&self, head: &Parts) -> Result<Route, EndpointError> {
        if !request::names_its_host(head) {
            return Err(EndpointError::Malformed("it has no Host header, or several"));
        }
        let path = self.base_path.strip(head.uri.path()).ok_or(EndpointError::NoRoute)?;
        if let Some(tokens) = &self.tokens
            && let Some(endpoint) = tokens.route(&head.method, path)
        {
            return endpoint.map(Route::Tokens);
        }
        Endpoint::parse(head.method.as_str(), path, head.uri.query()).map(Route::Api)
    }
}

impl<B> hyper::service::Service<Request<B>> for RegistryService
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn call(&self, request: Request<B>) -> ResponseFuture {
        self.respond(request)
    }
}

impl<B> tower_service::Service<Request<B>> for RegistryService
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.respond(request)
    }
}

impl fmt::Debug for RegistryService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryService")
            .field("registry", &self.0.registry)
            .field("base_path", &self.0.base_path)
            .finish_non_exhaustive()
    }
}
