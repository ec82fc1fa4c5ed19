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
    ports::{AuthenticationError, Clock, Limit, Random, Source},
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
            let request_id = self.request_ids.of(&head.headers);
            let peer = self.proxies.client(&head);
            let mut caller = request::caller(&self.anonymous, request_id, peer);
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

    /// Answers it, and tells the audit log of credentials that were refused.
    async fn answer(
        &self,
        head: &Parts,
        route: &Result<Route, EndpointError>,
        caller: &mut Caller,
        body: Option<Box<Incoming>>,
    ) -> Reply {
        let answer = match route {
            Ok(Route::Api(endpoint)) => self.answer_api(head, endpoint, caller, body).await,
            // Apart, since these futures are large, and that of a pull need not be.
            Ok(Route::Tokens(endpoint)) => {
                Box::pin(self.answer_tokens(head, *endpoint, caller, body)).await
            }
            Err(error) => self.refuse(*error, caller).await,
        };
        let Err(error) = answer else { return answer };
        if let (
            Some(audit),
            RegistryError::Authentication(AuthenticationError::Refused { reason }),
        ) = (&self.audit, &error)
        {
            Box::pin(audit.refused(caller, reason)).await;
        }
        Err(error)
    }

    /// A request that is none of ours counts as one.
    async fn refuse(&self, error: EndpointError, caller: &Caller) -> Reply {
        if let Some(limits) = &self.limits {
            Box::pin(limits.address(Limit::Requests, caller)).await?;
        }
        Err(error.into())
    }

    async fn answer_tokens(
        &self,
        head: &Parts,
        endpoint: TokenEndpoint,
        caller: &mut Caller,
        body: Option<Box<Incoming>>,
    ) -> Reply {
        let Some(tokens) = &self.tokens else { return Err(EndpointError::NoRoute.into()) };
        let context = tokens::Context {
            registry: self.registry.as_ref(),
            limits: self.limits.as_ref(),
            audit: self.audit.as_ref(),
            budget: &self.budget,
        };
        tokens.answer(endpoint, context, head, body, caller).await
    }

    async fn answer_api(
        &self,
        head: &Parts,
        endpoint: &Endpoint,
        caller: &mut Caller,
        body: Option<Box<Incoming>>,
    ) -> Reply {
        if let Some(limits) = &self.limits {
            Box::pin(limits.address(Limit::Requests, caller)).await?;
        }
        if let Some(authentication) = &self.authentication {
            let limits = self.limits.as_ref();
            authentication.identify(endpoint, &head.headers, limits, caller).await?;
        }
        let Some(limits) = &self.limits else {
            return self.exchange_api(head, endpoint, caller, body).await;
        };
        Box::pin(limits.principal(Limit::Requests, caller)).await?;
        let namespace = Box::pin(limits.namespace(endpoint, caller)).await?;
        let answer = self.exchange_api(head, endpoint, caller, body).await;
        let Err(error) = answer else { return answer };
        if let Some(namespace) = namespace
            && matches!(status(error.code()), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        {
            // Who may not is not to use up what those have who may.
            Box::pin(limits.give_back(&namespace)).await;
        }
        Err(error)
    }

    /// From an endpoint and its caller to the reply.
    async fn exchange_api(
        &self,
        head: &Parts,
        endpoint: &Endpoint,
        caller: &Caller,
        body: Option<Box<Incoming>>,
    ) -> Reply {
        let connection = head.extensions.get::<ConnectionInfo>();
        let exchange = Exchange {
            source: &*self.source,
            registry: self.registry.as_ref(),
            base_path: &self.base_path,
            budget: &self.budget,
            caller,
            headers: &head.headers,
            windows: connection.and_then(|connection| connection.windows.as_ref()),
        };
        let answer = exchange.answer(endpoint, body).await;
        match &self.authentication {
            Some(authentication) => {
                answer.map_err(|error| authentication.refusal(error, &head.headers, caller))
            }
            None => answer,
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
        let mut response = error::response(error, endpoint, &self.base_path, &caller.request_id);
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
