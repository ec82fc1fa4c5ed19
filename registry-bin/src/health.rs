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
    ports::{Clock, ContentId, Random},
    record::RecordKey,
};

use crate::wiring::Stores;

/// How long the store may take to answer until it counts as not usable.
const PATIENCE: Duration = Duration::from_secs(5);

/// Knows whether this server should get requests. One that drains should not, and need not say
/// so: it refuses connections.
#[derive(Clone)]
pub(crate) struct Health(Arc<Inner>);

struct Inner {
    stores: Stores,
    clock: Box<dyn Clock>,
    random: Box<dyn Random>,
}

impl Health {
    pub(crate) fn new(stores: Stores, clock: impl Clock, random: impl Random) -> Self {
        let (clock, random) = (Box::new(clock), Box::new(random));
        Self(Arc::new(Inner { stores, clock, random }))
    }

    /// Whether the store answers, and would write.
    async fn readiness(&self) -> Readiness {
        if !(self.0.stores.is_writable)() {
            tracing::warn!("not ready: the store has stopped writing");
            return Readiness::Stopped;
        }
        // A fresh key, which no cache knows: the store itself has to say that there is nothing.
        let key = RecordKey::upload(&ContentId::new(&*self.0.random));
        let answer = self.0.stores.records.get(&key, None);
        match future::select(pin!(answer), self.0.clock.sleep(PATIENCE)).await {
            First::Left((Ok(_), _)) => Readiness::Ready,
            First::Left((Err(error), _)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "not ready: the store fails");
                Readiness::Silent
            }
            First::Right(_) => {
                tracing::warn!("not ready: the store does not answer");
                Readiness::Silent
            }
        }
    }

    async fn answer(self, probe: Probe) -> Response<Full<Bytes>> {
        let (status, text) = match probe {
            Probe::Healthy => (StatusCode::OK, "ok\n"),
            Probe::Ready => self.readiness().await.told(),
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

/// Whether this server should get requests, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    Ready,
    /// The store fails, or takes too long.
    Silent,
    /// It can be read, but a sync failed, and nothing is written any more.
    Stopped,
}

impl Readiness {
    /// What who asks is told, with one line of text.
    const fn told(self) -> (StatusCode, &'static str) {
        match self {
            Self::Ready => (StatusCode::OK, "ready\n"),
            Self::Silent => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
            Self::Stopped => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the store has stopped writing, since a sync failed: check the disk, then restart \
                 the machine\n",
            ),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Probe {
    /// `GET|HEAD /healthz`: does the process answer?
    Healthy,
    /// `GET|HEAD /readyz`: can it serve?
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    use http_body_util::BodyExt;
    use registry_adapters::{
        memory::{MemoryContents, MemoryRecords},
        system::{SystemClock, SystemRandom},
    };

    use super::*;

    async fn ask(health: &Health, probe: Probe) -> (StatusCode, Bytes) {
        let (head, body) = health.clone().answer(probe).await.into_parts();
        (head.status, body.collect().await.expect("bytes in memory").to_bytes())
    }

    #[tokio::test]
    async fn a_store_that_stopped_writing_is_not_ready_though_the_process_lives() {
        let writes = Arc::new(AtomicBool::new(true));
        let stores = Stores {
            contents: Arc::new(MemoryContents::default()),
            records: Arc::new(MemoryRecords::default()),
            is_writable: Box::new({
                let writes = Arc::clone(&writes);
                move || writes.load(SeqCst)
            }),
            discard: Arc::new(|_| Box::pin(async { Ok(false) })),
        };
        let health = Health::new(stores, SystemClock::new(), SystemRandom);
        assert_eq!(ask(&health, Probe::Ready).await, (StatusCode::OK, "ready\n".into()));
        writes.store(false, SeqCst);
        let (status, text) = ask(&health, Probe::Ready).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(text.starts_with(b"the store has stopped writing"), "{text:?}");
        assert_eq!(ask(&health, Probe::Healthy).await.0, StatusCode::OK);
    }
}
