//! `/healthz` and `/readyz`, beside the registry.

use std::{convert::Infallible, fmt, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{
    FutureExt,
    future::{self, BoxFuture, Either as First, Map},
};
use http_body_util::{Either, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    header::{CACHE_CONTROL, HeaderValue},
    service::Service,
};
use registry_core::{
    ports::{Clock, ContentId, Random, RecordStore},
    record::RecordKey,
};

/// How long the store may take to answer until it counts as not usable.
const PATIENCE: Duration = Duration::from_secs(5);

/// Knows whether this server should get requests. One that drains should not, and need not say
/// so: it refuses connections.
#[derive(Clone)]
pub(crate) struct Health(Arc<Inner>);

struct Inner {
    records: Box<dyn RecordStore>,
    clock: Box<dyn Clock>,
    random: Box<dyn Random>,
}

impl Health {
    pub(crate) fn new(records: impl RecordStore, clock: impl Clock, random: impl Random) -> Self {
        let (records, clock, random) = (Box::new(records), Box::new(clock), Box::new(random));
        Self(Arc::new(Inner { records, clock, random }))
    }

    /// Whether the store answers.
    async fn is_ready(&self) -> bool {
        // A fresh key, which no cache knows: the store itself has to say that there is nothing.
        let key = RecordKey::upload(&ContentId::new(&*self.0.random));
        let answer = self.0.records.get(&key, None);
        match future::select(pin!(answer), self.0.clock.sleep(PATIENCE)).await {
            First::Left((Ok(_), _)) => true,
            First::Left((Err(error), _)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "not ready: the store fails");
                false
            }
            First::Right(_) => {
                tracing::warn!("not ready: the store does not answer");
                false
            }
        }
    }

    async fn answer(self, probe: Probe) -> Response<Full<Bytes>> {
        let (status, text) = match probe {
            Probe::Healthy => (StatusCode::OK, "ok\n"),
            Probe::Ready if self.is_ready().await => (
                StatusCode::OK,
                "ready
",
            ),
            Probe::Ready => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the store does not answer
",
            ),
        };
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug)]
enum Probe {
    /// Does the process answer?
    Healthy,
    /// Can it serve?
    Ready,
}

impl Probe {
    fn of<B>(request: &Request<B>) -> Option<Self> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        match request.uri().path() {
            "/healthz" => Some(Self::Healthy),
            "/readyz" => Some(Self::Ready),
            _ => None,
        }
    }
}

/// A service with the probes before it.
#[derive(Clone, Debug)]
pub(crate) struct Probed<S> {
    pub(crate) health: Health,
    pub(crate) service: S,
}

/// A reply of a probe or of the service behind it.
type Reply<R> = Result<Response<Either<Full<Bytes>, R>>, Infallible>;

impl<S, B, R> Service<Request<B>> for Probed<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
{
    type Response = Response<Either<Full<Bytes>, R>>;
    type Error = Infallible;
    type Future = First<
        BoxFuture<'static, Reply<R>>,
        Map<S::Future, fn(Result<Response<R>, Infallible>) -> Reply<R>>,
    >;

    fn call(&self, request: Request<B>) -> Self::Future {
        match Probe::of(&request) {
            Some(probe) => {
                let answer = self.health.clone().answer(probe);
                First::Left(answer.map(|response| Ok(response.map(Either::Left))).boxed())
            }
            None => {
                let response = self.service.call(request);
                First::Right(response.map(|reply| Ok(reply?.map(Either::Right))))
            }
        }
    }
}
