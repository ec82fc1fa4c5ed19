use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, header, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};

/// As much of a registry as the load tool uses, for one repository. It ends with the test process.
pub(crate) struct FakeRegistry {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    locations: u64,
    uploads: HashMap<String, Vec<u8>>,
    blobs: BTreeMap<String, Bytes>,
    manifests: HashMap<String, Bytes>,
    answers: BTreeMap<String, u64>,
}

impl FakeRegistry {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let state = Arc::<Mutex<State>>::default();
        let registry = Self { address, state: state.clone() };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(accept(listener, state));
        });
        registry
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often each method was answered with each status.
    pub(crate) fn answers(&self) -> BTreeMap<String, u64> {
        self.state().answers.clone()
    }

    pub(crate) fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        self.state().blobs.get(digest).map(|bytes| bytes.to_vec())
    }

    pub(crate) fn blob_sizes(&self) -> Vec<usize> {
        self.state().blobs.values().map(Bytes::len).collect()
    }

    pub(crate) fn tags(&self) -> usize {
        self.state().manifests.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a registry that did not panic")
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, state.clone()));
            // The tool hangs up when it is done.
            let _ended =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut state = state.lock().expect("a registry that did not panic");
    let query = head.uri.query().unwrap_or_default();
    let answer = match head.uri.path().strip_prefix("/v2/load/test/") {
        Some(path) => state.answer(&head.method, path, query, &head.headers, body),
        None => status(StatusCode::BAD_REQUEST),
    };
    let counter = format!("{} {}", head.method, answer.status().as_u16());
    *state.answers.entry(counter).or_default() += 1;
    Ok(answer)
}

impl State {
    fn answer(
        &mut self,
        method: &Method,
        path: &str,
        query: &str,
        headers: &header::HeaderMap,
        body: Bytes,
    ) -> Response<Full<Bytes>> {
        let (kind, name) = path.rsplit_once('/').unwrap_or_default();
        let digest = query.split('&').find_map(|pair| pair.strip_prefix("digest="));
        match (method, kind, digest) {
            (&Method::GET | &Method::HEAD, "blobs", _) => found(self.blobs.get(name)),
            (&Method::GET | &Method::HEAD, "manifests", _) => found(self.manifests.get(name)),
            (&Method::POST, "blobs/uploads", None) => self.wait(vec![]),
            (&Method::POST, "blobs/uploads", Some(digest)) => self.commit(digest, body),
            (&Method::PATCH | &Method::PUT, "blobs/uploads", digest) => {
                let Some(mut bytes) = self.uploads.remove(name) else {
                    return status(StatusCode::NOT_FOUND);
                };
                let range = headers.get(header::CONTENT_RANGE);
                if range.is_some_and(|range| !continues(range, bytes.len(), body.len())) {
                    return status(StatusCode::RANGE_NOT_SATISFIABLE);
                }
                bytes.extend_from_slice(&body);
                match digest {
                    Some(digest) => self.commit(digest, bytes.into()),
                    None => self.wait(bytes),
                }
            }
            (&Method::PUT, "manifests", None) => {
                self.manifests.insert(name.to_owned(), body);
                status(StatusCode::CREATED)
            }
            _ => status(StatusCode::BAD_REQUEST),
        }
    }

    /// Every answer leads to another location, as those of distribution do.
    fn wait(&mut self, bytes: Vec<u8>) -> Response<Full<Bytes>> {
        self.locations += 1;
        let name = self.locations.to_string();
        let location =
            format!("http://elsewhere.example/v2/load/test/blobs/uploads/{name}?state=x");
        self.uploads.insert(name, bytes);
        let mut answer = status(StatusCode::ACCEPTED);
        answer.headers_mut().insert(header::LOCATION, location.try_into().expect("a header"));
        answer
    }

    fn commit(&mut self, digest: &str, bytes: Bytes) -> Response<Full<Bytes>> {
        if digest != format!("sha256:{}", hex::encode(Sha256::digest(&bytes))) {
            return status(StatusCode::BAD_REQUEST);
        }
        self.blobs.insert(digest.to_owned(), bytes);
        status(StatusCode::CREATED)
    }
}

fn continues(range: &header::HeaderValue, offset: usize, length: usize) -> bool {
    *range == *format!("{offset}-{}", offset + length - 1)
}

fn found(bytes: Option<&Bytes>) -> Response<Full<Bytes>> {
    bytes.map_or_else(
        || status(StatusCode::NOT_FOUND),
        |bytes| Response::new(Full::new(bytes.clone())),
    )
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut answer = Response::default();
    *answer.status_mut() = status;
    answer
}
