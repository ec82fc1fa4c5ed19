//! A plain HTTP client, the witness that no registry client's own view is needed for.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{HeaderMap, HeaderName};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

/// How long one exchange may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a test may read at once; far above every fixture.
const LIMIT: usize = 64 << 20;

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
        let client = Client::builder(TokioExecutor::new()).build_http();
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
}

impl Reply {
    /// The value of a header, or the empty string where there is none.
    pub(crate) fn header(&self, name: impl AsRef<str>) -> &str {
        self.headers.get(name.as_ref()).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
