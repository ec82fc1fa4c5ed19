//! A server for the open network: HTTP/1.1 and HTTP/2 over TLS, or without it, there with prior
//! knowledge; with a limit on everything a client can make it hold or wait for.
//!
//! It is the outermost edge, and hyper's own time-outs run on tokio's clock, so its own do too.

mod connection;
mod guarded;
mod options;
mod protocol;
#[cfg(feature = "tls")]
mod tls;
mod transport;

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use hyper::{
    Request, Response,
    body::{Body, Incoming},
    service::Service,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

use self::connection::Connection;
pub use self::options::ServerOptions;
#[cfg(feature = "tls")]
pub use self::tls::{Tls, TlsError};
use crate::{incoming::BoxError, request::ConnectionInfo};

/// Accepts connections and serves them until `shutdown` is ready; then lets those that are open
/// finish their requests, for [`ServerOptions::drain_limit`] at most.
///
/// The service is usually a [`RegistryService`](crate::RegistryService), or one that adds routes
/// around it. Each request carries a [`ConnectionInfo`] among its extensions.
///
/// What could not finish in time is broken off, and the result says how much that was.
pub async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
) -> Drained
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let drain_limit = options.drain_limit;
    let (stop, stopping) = watch::channel(false);
    let places = Arc::new(Semaphore::new(options.max_connections));
    let connection = Connection { service, options: Arc::new(options), stopping };
    let mut open = JoinSet::new();

    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = open.join_next() => {}
            (stream, info, place) = accept(&listener, &places) => {
                let served = connection.clone().serve(stream, info);
                open.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
        }
    }
    drop(listener);
    let _ = stop.send(true);
    drain(open, drain_limit).await
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// The connections that were broken off, since something was under way on them when
    /// [`ServerOptions::drain_limit`] was over; 0 when every request was finished.
    pub broken_off: usize,
}

/// Waits for the connections to end, and breaks off those that do not.
#[expect(clippy::disallowed_methods, reason = "the server's time is tokio's, as hyper's is")]
async fn drain(mut open: JoinSet<()>, limit: Duration) -> Drained {
    let ended = async { while open.join_next().await.is_some() {} };
    if timeout(limit, ended).await.is_ok() {
        return Drained { broken_off: 0 };
    }
    open.abort_all();
    let mut broken_off = 0;
    while let Some(ended) = open.join_next().await {
        // One may have ended by itself meanwhile.
        broken_off += usize::from(ended.is_err_and(|error| error.is_cancelled()));
    }
    Drained { broken_off }
}

/// The next connection, as soon as there is a place for it. Until then clients wait in the
/// kernel's queue.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, ConnectionInfo, OwnedSemaphorePermit) {
    loop {
        let place = Arc::clone(places).acquire_owned().await;
        match (place, listener.accept().await) {
            (Ok(place), Ok((stream, peer))) => {
                // A reply's last piece must not wait for an acknowledgement.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "the connection ended before it began");
                    continue;
                }
                return (stream, ConnectionInfo::new(peer.ip()), place);
            }
            (_, Err(error)) => {
                tracing::warn!(%error, "could not accept a connection");
                pause().await;
            }
            // Nobody closes the semaphore.
            (Err(_), Ok(_)) => {}
        }
    }
}

/// Out of file descriptors, mostly: some connection has to end first.
#[expect(clippy::disallowed_methods, reason = "the server's time is tokio's, as hyper's is")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}
