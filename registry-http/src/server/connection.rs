//! One connection, from its first byte to its last.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::{http1, http2},
    service::Service,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{net::TcpStream, sync::watch, time::timeout};

use super::{
    ServerOptions,
    guarded::Guarded,
    protocol::{Peeked, Protocol, detect},
    transport::Transport,
};
use crate::{chain::Chain, incoming::BoxError, request::ConnectionInfo};

/// What every connection of a server has in common.
#[derive(Clone)]
pub(super) struct Connection<S> {
    pub(super) service: S,
    pub(super) options: Arc<ServerOptions>,
    /// Turns true when the server stops.
    pub(super) stopping: watch::Receiver<bool>,
}

/// How many bytes a client may send on an HTTP/2 connection before it is told to go on; half of it
/// on one stream, so that an upload that waits does not stop the others at once.
const HTTP2_WINDOW: u32 = 1024 * 1024;

/// The most bytes of a reply that are held for one HTTP/2 stream.
const HTTP2_SEND_BUFFER: usize = 256 * 1024;

/// How often a silent HTTP/2 client is asked whether it is still there, and how long it has for
/// the answer.
const HTTP2_PING: Duration = Duration::from_secs(20);

impl<S, B> Connection<S>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    /// Serves it to its end. How it ended concerns nobody but whoever debugs a client.
    pub(super) async fn serve(self, io: TcpStream, info: ConnectionInfo) {
        let peer = info.peer;
        if let Err(error) = self.run(io, info).await {
            tracing::debug!(?peer, error = %Chain(&*error), "the connection failed");
        }
    }

    #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "only TLS has a first step"))]
    async fn run(mut self, io: TcpStream, info: ConnectionInfo) -> Result<(), BoxError> {
        // Below TLS, where each byte that the client takes is seen.
        let io = Guarded::new(io, self.options.send_timeout);
        #[cfg(feature = "tls")]
        if let Some(tls) = self.options.tls.clone() {
            return match self.first(tls.accept(io)).await? {
                Some(io) => self.speak(io, info.over_tls()).await,
                None => Ok(()),
            };
        }
        self.speak(io, info).await
    }

    /// Serves it in the protocol that the client speaks.
    async fn speak<I: Transport>(
        mut self,
        mut io: I,
        mut info: ConnectionInfo,
    ) -> Result<(), BoxError> {
        let Some((protocol, peeked)) = self.first(detect(&mut io)).await? else { return Ok(()) };
        // HTTP/2 has to put its frames around the bytes, and copies them for that.
        info.windows = if protocol == Protocol::Http1 { io.send_files() } else { None };
        let io = TokioIo::new(Peeked::new(peeked, io));
        let service = WithInfo { service: self.service, info };
        match protocol {
            Protocol::Http1 => {
                let connection = http1(&self.options).serve_connection(io, service);
                drive(connection, &mut self.stopping, http1::Connection::graceful_shutdown).await
            }
            Protocol::Http2 => {
                let connection = http2(&self.options).serve_connection(io, service);
                drive(connection, &mut self.stopping, http2::Connection::graceful_shutdown).await
            }
        }
    }

    /// Something that a client has to get done before its first request, in the time for a head;
    /// `None` when the server stops meanwhile.
    #[expect(clippy::disallowed_methods, reason = "the server's time is tokio's")]
    async fn first<T>(
        &mut self,
        step: impl Future<Output = io::Result<T>>,
    ) -> io::Result<Option<T>> {
        tokio::select! {
            done = timeout(self.options.header_timeout, step) => {
                done.map_err(io::Error::other)?.map(Some)
            }
            () = stopped(&mut self.stopping) => Ok(None),
        }
    }
}

fn http1(options: &ServerOptions) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_header_size(options.max_header_size as usize)
        // A head is read into one buffer.
        .max_buf_size(options.read_size.max(options.max_header_size as usize))
        // The windows of files must come to the connection as they are; see `file_windows.rs`.
        .writev(true);
    builder
}

/// hyper refuses floods of resets and of continuations by itself; what a stream may hold is
/// bounded here.
fn http2(options: &ServerOptions) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(options.max_concurrent_streams)
        .max_header_list_size(options.max_header_size)
        .max_frame_size(64 * 1024)
        .max_send_buf_size(HTTP2_SEND_BUFFER)
        .initial_stream_window_size(HTTP2_WINDOW / 2)
        .initial_connection_window_size(HTTP2_WINDOW)
        .keep_alive_interval(HTTP2_PING)
        .keep_alive_timeout(HTTP2_PING);
    builder
}

/// Runs a connection; when the server stops, tells it to end after the requests under way.
async fn drive<C>(
    connection: C,
    stopping: &mut watch::Receiver<bool>,
    shut_down: fn(Pin<&mut C>),
) -> Result<(), BoxError>
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut connection = pin!(connection);
    tokio::select! {
        ended = &mut connection => return Ok(ended?),
        () = stopped(stopping) => {}
    }
    shut_down(connection.as_mut());
    Ok(connection.await?)
}

/// Ready when the server stops, or is gone.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Tells the service about the connection of each request.
struct WithInfo<S> {
    service: S,
    info: ConnectionInfo,
}

impl<S: Service<Request<Incoming>>> Service<Request<Incoming>> for WithInfo<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, mut request: Request<Incoming>) -> S::Future {
        request.extensions_mut().insert(self.info.clone());
        self.service.call(request)
    }
}
