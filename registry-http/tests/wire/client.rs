//! The suite's own HTTP client: it sends exactly the headers and framing that a row writes.

use std::convert::Infallible;

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Method, Response, StatusCode,
    body::{Frame, Incoming},
    client::conn::{TrySendError, http1, http2},
    header::{HOST, HeaderName, HeaderValue},
    http::response::Parts,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpStream, sync::Mutex};

use crate::{
    failure::{Failure, Outcome},
    login::Challenge,
    reply::Reply,
    target::Target,
    url::Url,
};

type Body = BoxBody<Bytes, Infallible>;
type Message = hyper::Request<Body>;

/// How many redirects are followed: the status codes of the spec are those after any redirects.
const REDIRECTS: usize = 5;

/// A reply may have a header line for each of many tags.
const MAX_HEADERS: usize = 2000;

/// Which HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    /// HTTP/2 in clear text, with prior knowledge.
    Http2,
}

/// One row's connection, kept open from request to request as real clients do.
#[derive(Debug, Default)]
pub(crate) struct Client {
    idle: Mutex<Option<(String, Connection)>>,
}

#[derive(Debug)]
enum Connection {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

impl Client {
    async fn send(&self, request: &Request<'_>) -> Outcome<(Parts, Bytes)> {
        let authority = request.url.authority.as_str();
        let protocol = request.target.server.protocol;
        let mut message = request.message(protocol)?;
        if let Some(mut kept) = self.take(authority).await {
            match kept.send(message).await {
                Ok(response) => return self.receive(authority, kept, response).await,
                // Not sent: the registry had closed the idle connection, as it may.
                Err(mut closed) => match closed.take_message() {
                    Some(unsent) => message = unsent,
                    None => return Err(closed.into_error().into()),
                },
            }
        }
        let mut fresh = Connection::open(authority, protocol).await?;
        match fresh.send(message).await {
            Ok(response) => self.receive(authority, fresh, response).await,
            Err(error) => Err(error.into_error().into()),
        }
    }

    async fn take(&self, authority: &str) -> Option<Connection> {
        let (kept_for, mut kept) = self.idle.lock().await.take()?;
        let usable = kept_for == authority && kept.is_open().await;
        usable.then_some(kept)
    }

    async fn receive(
        &self,
        authority: &str,
        connection: Connection,
        response: Response<Incoming>,
    ) -> Outcome<(Parts, Bytes)> {
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        *self.idle.lock().await = Some((authority.to_owned(), connection));
        Ok((parts, body))
    }
}

impl Connection {
    async fn open(authority: &str, protocol: Protocol) -> Outcome<Self> {
        let stream = TcpStream::connect(authority)
            .await
            .map_err(|e| Failure::from(e).during(format!("connecting to {authority}")))?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(stream);
        Ok(match protocol {
            Protocol::Http1 => {
                let mut http1 = http1::Builder::new();
                let (sender, connection) = http1.max_headers(MAX_HEADERS).handshake(stream).await?;
                tokio::spawn(connection);
                Self::Http1(sender)
            }
            Protocol::Http2 => {
                let http2 = http2::Builder::new(TokioExecutor::new());
                let (sender, connection) = http2.handshake(stream).await?;
                tokio::spawn(connection);
                Self::Http2(sender)
            }
        })
    }

    async fn is_open(&mut self) -> bool {
        match self {
            Self::Http1(sender) => sender.ready().await.is_ok(),
            Self::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    async fn send(
        &mut self,
        message: Message,
    ) -> Result<Response<Incoming>, TrySendError<Message>> {
        match self {
            Self::Http1(sender) => sender.try_send_request(message).await,
            Self::Http2(sender) => sender.try_send_request(message).await,
        }
    }
}

/// A request that a row is writing.
#[derive(Clone, Debug)]
pub(crate) struct Request<'t> {
    target: &'t Target,
    method: Method,
    url: Url,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Framing,
}

#[derive(Clone, Debug)]
enum Framing {
    /// No body. Methods that usually have one say `Content-Length: 0`.
    None,
    /// `Content-Length`.
    Sized(Bytes),
    /// `Transfer-Encoding: chunked`, and no `Content-Length`.
    Chunked(Vec<Bytes>),
}

impl<'t> Request<'t> {
    pub(crate) fn new(target: &'t Target, method: Method, url: Url) -> Self {
        Self { target, method, url, headers: Vec::new(), body: Framing::None }
    }

    pub(crate) fn header(self, name: &'static str, value: impl AsRef<str>) -> Self {
        let value =
            HeaderValue::from_str(value.as_ref()).expect("a row writes legal header values");
        self.header_value(name, value)
    }

    pub(crate) fn header_value(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.push((HeaderName::from_static(name), value));
        self
    }

    /// A body with a `Content-Length`.
    pub(crate) fn body(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body = Framing::Sized(bytes.into());
        self
    }

    /// A body in chunked transfer coding, one chunk (or none, when empty).
    pub(crate) fn chunked(mut self, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        self.body = Framing::Chunked(if bytes.is_empty() { Vec::new() } else { vec![bytes] });
        self
    }

    /// Sends it and expects this status.
    pub(crate) async fn expect(self, status: u16) -> Outcome<Reply> {
        let reply = self.send().await?;
        reply.status(status)?;
        Ok(reply)
    }

    /// Sends it and expects one of these statuses.
    pub(crate) async fn expect_one_of(self, statuses: &[u16]) -> Outcome<Reply> {
        let reply = self.send().await?;
        reply.status_in(statuses)?;
        Ok(reply)
    }

    /// Sends it and follows redirects of a GET or HEAD (RFC 9110 section 15.4).
    pub(crate) async fn send(mut self) -> Outcome<Reply> {
        let redirectable = matches!(self.method, Method::GET | Method::HEAD);
        for _ in 0..REDIRECTS {
            let reply = self.send_once().await?;
            if !(redirectable && matches!(reply.status, 301 | 302 | 303 | 307 | 308)) {
                return Ok(reply);
            }
            self.url = reply.location()?;
        }
        Err(Failure::new(format!("{self}: more than {REDIRECTS} redirects")))
    }

    /// Sends it; a redirect is the reply.
    pub(crate) async fn send_once(&self) -> Outcome<Reply> {
        let asked = self.to_string();
        let received = self.send_as_somebody().await;
        let (head, body) = received.map_err(|failure| failure.during(&asked))?;
        let (status, headers) = (head.status.as_u16(), head.headers);
        Ok(Reply { asked, url: self.url.clone(), status, headers, body })
    }

    /// Sends it with what shows who asks, and again when the registry asks for another token.
    async fn send_as_somebody(&self) -> Outcome<(Parts, Bytes)> {
        let (client, tokens) = (&self.target.client, &self.target.tokens);
        let Some(login) = &self.target.server.login else { return client.send(self).await };
        if !login.takes_tokens {
            return client.send(&self.showing(&login.password)).await;
        }
        let received = match tokens.last().await {
            Some(token) => client.send(&self.showing(&token)).await?,
            None => client.send(self).await?,
        };
        if received.0.status != StatusCode::UNAUTHORIZED {
            return Ok(received);
        }
        let Some(challenge) = Challenge::of(&received.0.headers, &self.url)? else {
            return Ok(received);
        };
        let ask = Self::new(self.target, Method::GET, challenge.url()).showing(&login.password);
        let (head, reply) = client.send(&ask).await?;
        if head.status != StatusCode::OK {
            return Err(Failure::new(format!("{ask}: {}", head.status)));
        }
        client.send(&self.showing(&tokens.keep(&reply).await?)).await
    }

    fn showing(&self, credentials: &HeaderValue) -> Self {
        self.clone().header_value("authorization", credentials.clone())
    }

    fn message(&self, protocol: Protocol) -> Outcome<Message> {
        let body = match &self.body {
            Framing::None => Full::default().boxed(),
            Framing::Sized(bytes) => Full::new(bytes.clone()).boxed(),
            Framing::Chunked(chunks) => {
                let frames = chunks.clone().into_iter().map(|chunk| Ok(Frame::data(chunk)));
                BodyExt::boxed(StreamBody::new(stream::iter(frames)))
            }
        };
        let mut message = hyper::Request::new(body);
        *message.method_mut() = self.method.clone();
        let (authority, path) = (&self.url.authority, &self.url.path);
        let uri = match protocol {
            Protocol::Http1 => path.parse(),
            Protocol::Http2 => format!("http://{authority}{path}").parse(),
        };
        *message.uri_mut() =
            uri.map_err(|e| Failure::from(e).during(format!("{path:?} is no request target")))?;
        let headers = message.headers_mut();
        if protocol == Protocol::Http1 {
            headers.insert(HOST, HeaderValue::from_str(authority)?);
        }
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        Ok(message)
    }
}

impl std::fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.url.path)?;
        for (name, value) in self.headers.iter().filter(|(name, _)| name != "authorization") {
            write!(f, " [{name}: {}]", value.to_str().unwrap_or("not text"))?;
        }
        match &self.body {
            Framing::None => Ok(()),
            Framing::Sized(bytes) => write!(f, " with {} bytes", bytes.len()),
            Framing::Chunked(chunks) => {
                let sum: usize = chunks.iter().map(Bytes::len).sum();
                write!(f, " with {sum} bytes in chunked transfer coding")
            }
        }
    }
}
