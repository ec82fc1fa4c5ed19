//! A server on a port of its own, and clients for it.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request, StatusCode,
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use registry_adapters::{
    memory::{MemoryContents, MemoryRecords},
    system::{SystemClock, SystemRandom},
};
use registry_core::{policy::AllowAll, registry::Registry};
use registry_http::{Drained, RegistryService, ServerOptions, serve};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

/// Nothing here takes longer, unless something is broken.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A server that stops when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Drained>,
}

/// Starts a server on a free port.
pub(crate) async fn start(service: RegistryService, options: ServerOptions) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async move {
        let _ = stopped.await;
    };
    let running = tokio::spawn(serve(listener, service, options, stopped));
    Server { address, stop: Some(stop), running }
}

/// Starts a server of an open registry in memory.
pub(crate) async fn start_open(options: ServerOptions) -> Server {
    start(open_service(), options).await
}

pub(crate) fn open_service() -> RegistryService {
    let (contents, records) = (MemoryContents::default(), MemoryRecords::default());
    let (clock, random) = (SystemClock::new(), SystemRandom);
    let registry = Registry::builder(contents, records, AllowAll, clock, random).build();
    RegistryService::new(registry, clock, random)
}

impl Server {
    /// Tells it to stop.
    pub(crate) fn stop(&mut self) {
        self.stop.take().expect("it was not stopped before").send(()).expect("it runs");
    }

    /// Waits until it has stopped; says how.
    pub(crate) async fn stopped(mut self) -> Drained {
        timeout(SOON, &mut self.running).await.expect("it stops").expect("without a panic")
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        // Nothing waits for an acknowledgement that is late on purpose.
        stream.set_nodelay(true).expect("an option");
        stream
    }

    /// Sends these bytes and reads until the server closes the connection.
    pub(crate) async fn talk(&self, bytes: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_bytes()).await.expect("sent");
        read_to_end(&mut stream).await
    }

    pub(crate) async fn http1(&self) -> Client {
        Client::http1_over(self.connect().await).await
    }

    pub(crate) async fn http2(&self) -> Client {
        Client::http2_over(self.connect().await).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.running.abort();
    }
}

pub(crate) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut reply = Vec::new();
    // A reset after the reply is an end too.
    let _ = timeout(SOON, stream.read_to_end(&mut reply)).await.expect("the connection ends");
    String::from_utf8_lossy(&reply).into_owned()
}

/// What a client can speak over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

/// A client with one connection.
pub(crate) enum Client {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Client {
    pub(crate) async fn http1_over(io: impl Stream) -> Self {
        let (client, connection) = http1::handshake(TokioIo::new(io)).await.expect("a handshake");
        tokio::spawn(connection);
        Self::Http1(client)
    }

    pub(crate) async fn http2_over(io: impl Stream) -> Self {
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(io));
        let (client, connection) = handshake.await.expect("a handshake");
        tokio::spawn(connection);
        Self::Http2(client)
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let (head, body) = self.start(method, path, headers, body).await.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Reply { status: head.status, headers: head.headers, body }
    }

    /// Sends a request and waits for the head of the reply.
    pub(crate) async fn start(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> hyper::Response<Incoming> {
        let host = "registry.test";
        let mut request = Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(body.into());
        let reply = match self {
            Self::Http1(client) => {
                let request = request.uri(path).header("host", host).body(body);
                client.ready().await.expect("the connection is kept");
                timeout(SOON, client.send_request(request.expect("a request"))).await
            }
            Self::Http2(client) => {
                let request = request.uri(format!("http://{host}{path}")).body(body);
                timeout(SOON, client.send_request(request.expect("a request"))).await
            }
        };
        reply.expect("a reply in time").expect("a reply")
    }
}
