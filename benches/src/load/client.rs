use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Uri,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
    header::{ACCEPT, AUTHORIZATION, HOST, HeaderName, HeaderValue, LOCATION},
};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream, lookup_host};

use super::{content::Payload, error::LoadError};

/// The media type of every manifest that this tool pushes.
pub(crate) const MANIFEST: HeaderValue =
    HeaderValue::from_static("application/vnd.oci.image.manifest.v1+json");

/// How much of an unexpected answer is shown.
const SHOWN: usize = 300;

/// A registry: where it listens, the path before `/v2/`, and what proves who asks.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    address: String,
    prefix: String,
    headers: HeaderMap,
}

impl Target {
    /// Parses `http://host[:port][/prefix]`; `authorization` is sent as it is with every request.
    pub(crate) fn new(url: &str, authorization: Option<HeaderValue>) -> Result<Self, LoadError> {
        let wrong = |reason| LoadError::Url { url: url.to_owned(), reason };
        let uri: Uri = url.parse().map_err(|_| wrong("it does not parse"))?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong("only plain http is measured"));
        }
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        let mut headers = HeaderMap::new();
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| wrong("odd host"))?;
        headers.insert(HOST, host);
        headers.extend(authorization.map(|value| (AUTHORIZATION, value)));
        Ok(Self {
            address: format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)),
            prefix: uri.path().trim_end_matches('/').to_owned(),
            headers,
        })
    }

    /// The path of `rest` (`blobs/…`) in a repository of this registry.
    pub(crate) fn path(&self, repository: &str, rest: &str) -> String {
        format!("{}/v2/{repository}/{rest}", self.prefix)
    }

    /// The path that every client asks first, to see whether it may.
    pub(crate) fn ping(&self) -> String {
        format!("{}/v2/", self.prefix)
    }

    /// What every request has: `Host`, and who asks.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) async fn connect(&self) -> Result<TcpStream, LoadError> {
        self.prepared(TcpStream::connect(&self.address).await)
    }

    /// Connects from this address of the machine.
    async fn connect_from(&self, source: IpAddr) -> Result<TcpStream, LoadError> {
        let connect = async {
            let to = lookup_host(&self.address).await?.find(SocketAddr::is_ipv4);
            let to = to.ok_or(io::ErrorKind::AddrNotAvailable)?;
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::new(source, 0))?;
            socket.connect(to).await
        };
        self.prepared(connect.await)
    }

    fn prepared(&self, stream: io::Result<TcpStream>) -> Result<TcpStream, LoadError> {
        let prepare = |stream: TcpStream| stream.set_nodelay(true).map(|()| stream);
        stream
            .and_then(prepare)
            .map_err(|source| LoadError::Connect { address: self.address.clone(), source })
    }
}

/// One HTTP/1.1 connection, made again when the registry closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    target: Target,
    sender: SendRequest<Payload>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(target: &Target) -> Result<Self, LoadError> {
        Ok(Self { sender: connect(target).await?, target: target.clone() })
    }

    /// Connects from this address of the machine.
    pub(crate) async fn open_from(target: &Target, source: IpAddr) -> Result<Self, LoadError> {
        let stream = target.connect_from(source).await?;
        Ok(Self { sender: handshake(stream).await?, target: target.clone() })
    }

    /// The registry that this connection leads to.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Sends a request and returns an answer of the expected status, its body unread.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        payload: Payload,
        expected: StatusCode,
    ) -> Result<Response<Incoming>, LoadError> {
        let mut request = Request::new(payload);
        *request.method_mut() = method.clone();
        *request.uri_mut() = path.parse().map_err(hyper::http::Error::from)?;
        *request.headers_mut() = self.target.headers.clone();
        request.headers_mut().extend(headers.iter().cloned());
        if self.sender.ready().await.is_err() {
            self.sender = connect(&self.target).await?;
        }
        let response = match self.sender.send_request(request).await {
            Ok(response) => response,
            Err(source) => return Err(LoadError::Http { method, path: path.to_owned(), source }),
        };
        if response.status() == expected {
            return Ok(response);
        }
        let found = response.status();
        let body = beginning(response.into_body()).await;
        Err(LoadError::Status { method, path: path.to_owned(), expected, found, body })
    }

    /// As [`send`](Self::send), for an answer whose body does not matter. Returns its headers.
    pub(crate) async fn call(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        payload: Payload,
        expected: StatusCode,
    ) -> Result<HeaderMap, LoadError> {
        let response = self.send(method, path, headers, payload, expected).await?;
        let (head, body) = response.into_parts();
        drain(body).await?;
        Ok(head.headers)
    }

    /// Asks with HEAD, accepting the manifests that this tool pushes.
    pub(crate) async fn exists(&mut self, path: &str) -> Result<bool, LoadError> {
        match self
            .call(Method::HEAD, path, &[(ACCEPT, MANIFEST)], Payload::EMPTY, StatusCode::OK)
            .await
        {
            Ok(_) => Ok(true),
            Err(LoadError::Status { found: StatusCode::NOT_FOUND, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Reads a body to its end and returns its length. Each frame is dropped as it comes.
pub(crate) async fn drain(mut body: Incoming) -> Result<u64, LoadError> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame?.data_ref().map_or(0, Bytes::len) as u64;
    }
    Ok(length)
}

/// The path and query of a `Location`, which may be absolute (spec: "Pushing blobs").
pub(crate) fn location(headers: &HeaderMap) -> Result<String, LoadError> {
    let value = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let uri: Uri = value.and_then(|value| value.parse().ok()).ok_or(LoadError::Location)?;
    uri.path_and_query().map(ToString::to_string).ok_or(LoadError::Location)
}

async fn connect(target: &Target) -> Result<SendRequest<Payload>, LoadError> {
    handshake(target.connect().await?).await
}

async fn handshake(stream: TcpStream) -> Result<SendRequest<Payload>, LoadError> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Its failure also fails the request in flight, where it is reported.
    tokio::spawn(connection);
    Ok(sender)
}

async fn beginning(mut body: Incoming) -> String {
    let mut bytes = BytesMut::new();
    while bytes.len() < SHOWN {
        let Some(Ok(frame)) = body.frame().await else { break };
        bytes.extend(frame.into_data());
    }
    String::from_utf8_lossy(&bytes).chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_address_and_prefix() {
        for (url, address, path) in [
            ("http://127.0.0.1:5000", "127.0.0.1:5000", "/v2/a/b/tags/list"),
            ("http://127.0.0.1:5000/", "127.0.0.1:5000", "/v2/a/b/tags/list"),
            ("http://localhost/x/y/", "localhost:80", "/x/y/v2/a/b/tags/list"),
            ("http://[::1]:5000", "[::1]:5000", "/v2/a/b/tags/list"),
        ] {
            let target = Target::new(url, None).expect(url);
            assert_eq!(target.address, address);
            assert_eq!(target.path("a/b", "tags/list"), path);
        }
    }

    #[test]
    fn other_urls_are_refused() {
        for url in ["", "127.0.0.1:5000", "https://localhost", "http://", "/v2/"] {
            assert!(Target::new(url, None).is_err(), "{url:?}");
        }
    }

    #[test]
    fn a_location_may_be_absolute_or_relative() {
        for (value, expected) in [
            ("/v2/a/blobs/uploads/1?_state=x", "/v2/a/blobs/uploads/1?_state=x"),
            ("http://localhost:5000/v2/a/blobs/uploads/1", "/v2/a/blobs/uploads/1"),
        ] {
            let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(value))]);
            assert_eq!(location(&headers).expect(value), expected);
        }
        assert!(matches!(location(&HeaderMap::new()), Err(LoadError::Location)));
    }
}
