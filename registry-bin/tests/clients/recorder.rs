//! A proxy that writes down what a client asked and what it got. Only where the question is *how*
//! a client did something; elsewhere the clients meet the server itself.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One exchange: the method, the path with its query, and the status of the answer.
pub(crate) type Exchange = (Method, String, StatusCode);

/// The proxy. Dropped, it stops.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
    accepting: JoinHandle<()>,
}

impl Recorder {
    /// Starts a proxy in front of the registry at `authority`. Requests keep their `Host`.
    pub(crate) async fn start(authority: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let exchanges = Arc::default();
        let accepting =
            tokio::spawn(accept(listener, authority.to_owned(), Arc::clone(&exchanges)));
        Self { address, exchanges, accepting }
    }

    /// Asserts that a blob was mounted: a POST that names `digest` was answered with 201.
    pub(crate) fn assert_mounted(&self, digest: &str) {
        let exchanges = self.exchanges.lock().unwrap_or_else(PoisonError::into_inner);
        let mounted = exchanges.iter().any(|(method, path, status)| {
            let path = path.replace("%3A", ":");
            *method == Method::POST
                && path.contains(&format!("mount={digest}"))
                && path.contains("from=")
                && *status == StatusCode::CREATED
        });
        assert!(mounted, "{digest} was not mounted: {exchanges:#?}");
    }
}

impl Recorder {
    /// Whether this was asked, and answered so.
    pub(crate) fn has(&self, method: &Method, path: &str, status: StatusCode) -> bool {
        let exchanges = self.exchanges.lock().unwrap_or_else(PoisonError::into_inner);
        exchanges.iter().any(|(m, p, s)| m == method && p == path && *s == status)
    }

    /// Whether any blob was mounted from a repository that the client named.
    pub(crate) fn has_mounted(&self) -> bool {
        let exchanges = self.exchanges.lock().unwrap_or_else(PoisonError::into_inner);
        exchanges.iter().any(|(method, path, status)| {
            let mounts = path.contains("mount=") && path.contains("from=");
            *method == Method::POST && mounts && *status == StatusCode::CREATED
        })
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, authority: String, exchanges: Arc<Mutex<Vec<Exchange>>>) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Incoming>();
    while let Ok((stream, _)) = listener.accept().await {
        let (client, authority) = (client.clone(), authority.clone());
        let exchanges = Arc::clone(&exchanges);
        let forward = service_fn(move |request| {
            let (method, path, request) = aimed(request, &authority);
            let (reply, exchanges) = (client.request(request), Arc::clone(&exchanges));
            async move {
                let reply: Response<Incoming> = reply.await?;
                let exchange = (method, path, reply.status());
                exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
                Ok::<_, hyper_util::client::legacy::Error>(reply)
            }
        });
        // A client may leave whenever it likes.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), forward));
    }
}

/// The request, sent on to `authority`.
fn aimed(mut request: Request<Incoming>, authority: &str) -> (Method, String, Request<Incoming>) {
    let path = request.uri().to_string();
    *request.uri_mut() = format!("http://{authority}{path}").parse().expect("it was a path");
    (request.method().clone(), path, request)
}
