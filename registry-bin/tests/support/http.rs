//! A plain HTTP client, the witness that no registry client's own view is needed for.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{ACCEPT, HeaderMap, HeaderName, LOCATION};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

/// How long one exchange may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a test may read at once; far above every fixture.
const LIMIT: usize = 64 << 20;

/// The manifests that the tests read. Other registries than ours answer 404 to who does not accept a type.
const TYPES: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// Why an exchange failed: the connection, the time-out, or a reply that broke off.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// A client of one server.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    authority: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// A whole reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Http {
    /// A client of the server at `authority`, a host and a port.
    pub(crate) fn new(authority: impl ToString) -> Self {
        Self::with(authority, HttpConnector::new())
    }

    /// A client that connects so.
    pub(crate) fn with(authority: impl ToString, connector: HttpConnector) -> Self {
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { authority: authority.to_string(), client }
    }

    /// Sends a request for `path` (with its query) and reads the whole reply.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Reply, Error> {
        let mut request =
            Request::builder().method(method).uri(format!("http://{}{path}", self.authority));
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(Full::new(body.into()))?;
        timeout(PATIENCE, async {
            let (head, body) = self.client.request(request).await?.into_parts();
            let body = Limited::new(body, LIMIT).collect().await?.to_bytes();
            Ok(Reply { status: head.status, headers: head.headers, body })
        })
        .await?
    }

    /// Reads a manifest, a blob or a list.
    pub(crate) async fn get(&self, path: &str) -> Result<Reply, Error> {
        self.send(Method::GET, path, &[(ACCEPT, TYPES)], Bytes::new()).await
    }
}

impl Reply {
    /// The value of a header, or the empty string where there is none.
    pub(crate) fn header(&self, name: impl AsRef<str>) -> &str {
        self.headers.get(name.as_ref()).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The path in `Location`, which may be an absolute URL.
    pub(crate) fn location(&self) -> &str {
        let location = self.header(LOCATION);
        location.find("/v2/").map_or(location, |at| &location[at..])
    }
}

/// The path that closes the upload at `location` with `digest`.
pub(crate) fn closing(location: &str, digest: &str) -> String {
    let separator = if location.contains('?') { '&' } else { '?' };
    format!("{location}{separator}digest={digest}")
}
