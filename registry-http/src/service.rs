//! The service: from a request to its reply.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::{Method, Request, Response, body::Body, http::request::Parts};
use registry_core::{
    endpoint::{Endpoint, EndpointError},
    error::RegistryError,
    identity::{Caller, Principal},
    ports::{Authenticator, Clock, Random, Source},
    registry::Registry,
};

use crate::{
    access_log::{self, AccessEntry},
    authentication::Authentication,
    base_path::BasePath,
    body::ResponseBody,
    budget::Budget,
    challenge::Realm,
    endpoints::{Exchange, Reply},
    error,
    incoming::{BoxError, Incoming},
    pace::BodyTimeouts,
    reply,
    request::{self, ConnectionInfo, RequestIds},
};

/// A registry as a service of hyper and of tower, for requests with any body. Cheap to clone, and
/// usable without a socket.
#[derive(Clone)]
pub struct RegistryService(Arc<Shared>);

/// What the service is made of.
#[must_use]
pub struct Builder {
    source: Arc<dyn Source>,
    registry: Option<Registry>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    base_path: BasePath,
    body_timeouts: BodyTimeouts,
    body_memory: u64,
    authentication: Option<Authentication>,
}

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
    body_timeouts: BodyTimeouts,
    budget: Budget,
    authentication: Option<Authentication>,
}

impl RegistryService {
    /// The service of a registry at the root of its server.
    pub fn new(registry: Registry, clock: impl Clock, random: impl Random) -> Self {
        Self::builder(registry, clock, random).build()
    }

    /// Starts the service of a registry, which answers reads and writes.
    pub fn builder(registry: Registry, clock: impl Clock, random: impl Random) -> Builder {
        let source = Arc::new(registry.clone());
        Builder { registry: Some(registry), ..Self::reader(source, clock, random) }
    }

    /// Starts the service of a source that can only be read: every write is 405.
    pub fn reader(source: Arc<dyn Source>, clock: impl Clock, random: impl Random) -> Builder {
        Builder {
            source,
            registry: None,
            clock: Arc::new(clock),
            random: Arc::new(random),
            base_path: BasePath::default(),
            body_timeouts: BodyTimeouts::default(),
            body_memory: 256 * 1024 * 1024,
            authentication: None,
        }
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

impl Builder {
    /// Serves below this path instead of the root.
    pub fn base_path(self, base_path: BasePath) -> Self {
        Self { base_path, ..self }
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

    /// Asks this authenticator who sends a request; without one everybody is anonymous, and an
    /// `Authorization` header says nothing.
    ///
    /// Clients are challenged for a user name and a password (`Basic`), under this realm. They take
    /// the scheme from `GET /v2/`, which is therefore 401 for whoever is anonymous; what is open to
    /// anonymous callers answers them all the same. Serve this over TLS only: passwords are sent as
    /// they are.
    pub fn authenticator(self, realm: &Realm, authenticator: impl Authenticator) -> Self {
        Self { authentication: Some(Authentication::new(realm, authenticator)), ..self }
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
            body_timeouts: self.body_timeouts,
            budget: Budget::new(self.body_memory, Arc::clone(&self.clock)),
            clock: self.clock,
            authentication: self.authentication,
        }))
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
            let peer = head.extensions.get::<ConnectionInfo>().and_then(|info| info.peer);
            let mut caller = request::caller(&self.anonymous, request_id, peer);
            let started = access_log::is_enabled().then(|| self.clock.monotonic());
            let received = body.as_ref().map(|body| body.received());

            let endpoint = self.endpoint(&head);
            let outcome = match &endpoint {
                Ok(endpoint) => self.answer(&head, endpoint, &mut caller, body).await,
                Err(error) => Err(RegistryError::from(*error)),
            };
            let endpoint = endpoint.as_ref().ok();
            let mut response =
                outcome.unwrap_or_else(|error| self.failed(&error, endpoint, &caller));

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

    async fn answer(
        &self,
        head: &Parts,
        endpoint: &Endpoint,
        caller: &mut Caller,
        body: Option<Box<Incoming>>,
    ) -> Reply {
        if let Some(authentication) = &self.authentication {
            authentication.identify(endpoint, &head.headers, caller).await?;
        }
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
        if self.authentication.is_some() {
            return answer.map_err(|error| Authentication::refusal(error, caller));
        }
        answer
    }

    /// The reply to a request that failed.
    fn failed(
        &self,
        error: &RegistryError,
        endpoint: Option<&Endpoint>,
        caller: &Caller,
    ) -> Response<ResponseBody> {
        let mut response = error::response(error, endpoint, &self.base_path, &caller.request_id);
        if let Some(authentication) = &self.authentication {
            authentication.challenge(&mut response);
        }
        response
    }

    fn endpoint(&self, head: &Parts) -> Result<Endpoint, EndpointError> {
        if !request::names_its_host(head) {
            return Err(EndpointError::Malformed("it has no Host header, or several"));
        }
        let path = self.base_path.strip(head.uri.path()).ok_or(EndpointError::NoRoute)?;
        Endpoint::parse(head.method.as_str(), path, head.uri.query())
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
