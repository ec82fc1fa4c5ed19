//! A registry in memory, and a table of requests that it must answer.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, Response, StatusCode, service::Service};
use registry_adapters::{
    memory::{MemoryContents, MemoryRecords},
    system::{SystemClock, SystemRandom},
};
use registry_core::{
    access::Access,
    digest::Algorithm,
    identity::Principal,
    policy::AllowAll,
    ports::{Authorizer, AuthorizerError, Decision, Question, Source},
    registry::{self, Registry},
};
use registry_http::{ConnectionInfo, RegistryService, ResponseBody};
use serde_json::{Value, json};

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The digest of nothing that is ever pushed.
pub(crate) const MISSING: &str =
    "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// A registry over fresh stores in memory.
pub(crate) fn registry(authorizer: impl Authorizer) -> registry::Builder {
    Registry::builder(
        MemoryContents::default(),
        MemoryRecords::default(),
        authorizer,
        SystemClock::new(),
        SystemRandom,
    )
}

/// A service of a registry that is open to everybody.
pub(crate) fn open_service() -> RegistryService {
    guarded(AllowAll)
}

/// A service of a registry that asks this authorizer.
pub(crate) fn guarded(authorizer: impl Authorizer) -> RegistryService {
    RegistryService::new(registry(authorizer).build(), SystemClock::new(), SystemRandom)
}

/// Denies what this says, and allows everything else.
pub(crate) struct Deny(pub(crate) fn(&Access) -> bool);

#[async_trait]
impl Authorizer for Deny {
    async fn authorize(
        &self,
        _: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        let decide = |question: &Question| match self.0(&question.access) {
            true => Decision::deny("the test says so"),
            false => Decision::allow("the test does not mind"),
        };
        Ok(questions.iter().map(decide).collect())
    }
}

/// A service of a source that nobody can write to.
pub(crate) fn reader(source: impl Source) -> RegistryService {
    RegistryService::reader(Arc::new(source), SystemClock::new(), SystemRandom).build()
}

/// A reply that has been read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) async fn read(response: Response<ResponseBody>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Self { status: head.status, headers: head.headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header of ASCII"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }
}

/// What a row expects of the body.
pub(crate) enum Content {
    Anything,
    Exactly(Vec<u8>),
    Json(Value),
    /// An error envelope with this code only.
    Error(&'static str),
}

/// One request and what it must be answered. `{location}` in its path stands for the `Location`
/// of the latest reply that had one.
pub(crate) struct Row {
    does: &'static str,
    request: Request<Full<Bytes>>,
    path: String,
    status: u16,
    headers: Vec<(&'static str, String)>,
    absent: Vec<&'static str>,
    content: Content,
}

/// A request; by default it must be answered 200.
pub(crate) fn row(does: &'static str, method: &str, path: impl Into<String>) -> Row {
    let mut request = Request::new(Full::default());
    *request.method_mut() = method.parse().expect("a method");
    Row {
        does,
        request,
        path: path.into(),
        status: 200,
        headers: Vec::new(),
        absent: Vec::new(),
        content: Content::Anything,
    }
}

impl Row {
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.request.headers_mut().append(name, value.parse().expect("a header"));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = Full::new(body.into());
        self
    }

    /// Comes over a connection from this address.
    pub(crate) fn from(mut self, peer: &str) -> Self {
        let peer = peer.parse().expect("an address");
        self.request.extensions_mut().insert(ConnectionInfo::new(peer));
        if !self.request.headers().contains_key("host") {
            return self.with("host", "registry.test");
        }
        self
    }

    /// Comes over TLS, from the address that was given before.
    pub(crate) fn over_tls(mut self) -> Self {
        let extensions = self.request.extensions_mut();
        let connection = extensions.remove::<ConnectionInfo>().expect("an address before");
        extensions.insert(connection.over_tls());
        self
    }

    pub(crate) fn is(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn has(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn lacks(mut self, name: &'static str) -> Self {
        self.absent.push(name);
        self
    }

    pub(crate) fn says(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.content = Content::Exactly(body.into());
        self
    }

    pub(crate) fn says_json(mut self, body: Value) -> Self {
        self.content = Content::Json(body);
        self
    }

    /// It must fail with this status and code of the envelope.
    pub(crate) fn fails(mut self, status: u16, code: &'static str) -> Self {
        self.status = status;
        self.content = Content::Error(code);
        self
    }

    /// Sends the request, and leaves the comparing to the test.
    pub(crate) async fn send(self, service: &RegistryService) -> Reply {
        let mut request = self.request;
        *request.uri_mut() = self.path.parse().expect("a path");
        Reply::read(service.call(request).await.expect("never an error")).await
    }

    /// Sends the request and compares the reply.
    pub(crate) async fn check(self, service: &RegistryService, location: &mut String) {
        let does = self.does;
        let mut request = self.request;
        let path = self.path.replace("{location}", location);
        *request.uri_mut() = path.parse().expect("a path");
        let is_head = request.method() == "HEAD";
        let reply = Reply::read(service.call(request).await.expect("never an error")).await;

        let body = String::from_utf8_lossy(&reply.body);
        assert_eq!(reply.status.as_u16(), self.status, "{does}: {body}");
        for (name, value) in self.headers {
            assert_eq!(reply.header(name), value, "{does}: {name}");
        }
        for name in self.absent {
            assert_eq!(reply.headers.get(name), None, "{does}: {name}");
        }
        match self.content {
            Content::Anything => {}
            Content::Exactly(expected) => assert_eq!(reply.body, expected, "{does}"),
            Content::Json(expected) => assert_eq!(reply.json(), expected, "{does}"),
            Content::Error(code) => check_envelope(does, &reply, code, is_head),
        }
        check_every_reply(does, &reply, is_head);
        if let Some(next) = reply.headers.get("location") {
            *location = next.to_str().expect("a location").to_owned();
        }
    }
}

/// Sends the rows one after another.
pub(crate) async fn check(service: &RegistryService, rows: Vec<Row>) {
    let mut location = String::new();
    for row in rows {
        row.check(service, &mut location).await;
    }
}

/// The envelope of the distribution spec, "Error Codes".
fn check_envelope(does: &str, reply: &Reply, code: &str, is_head: bool) {
    assert_eq!(reply.header("content-type"), "application/json", "{does}");
    if is_head {
        return;
    }
    let body = reply.json();
    let errors = body["errors"].as_array().expect("a list of errors");
    assert!(!errors.is_empty(), "{does}");
    for error in errors {
        assert_eq!(error["code"], code, "{does}: {body}");
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{does}: {body}");
    }
}

/// What holds of every reply, whatever was asked.
fn check_every_reply(does: &str, reply: &Reply, is_head: bool) {
    assert_eq!(reply.header("docker-distribution-api-version"), "registry/2.0", "{does}");
    assert!(!reply.header("x-request-id").is_empty(), "{does}");
    assert_eq!(reply.headers.get("content-encoding"), None, "{does}");
    assert_eq!(reply.headers.get("transfer-encoding"), None, "{does}");
    let length = reply.headers.get("content-length").map(|value| value.to_str().expect("ASCII"));
    match reply.status.as_u16() {
        204 | 304 => assert_eq!((length, reply.body.len()), (None, 0), "{does}"),
        _ if is_head => {
            assert!(length.is_some(), "{does}: HEAD without a Content-Length");
            assert_eq!(reply.body.len(), 0, "{does}: HEAD with a body");
        }
        _ => {
            if let Some(length) = length {
                assert_eq!(length, reply.body.len().to_string(), "{does}");
            }
        }
    }
}

pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    Algorithm::Sha256.digest(bytes.as_ref()).to_string()
}

pub(crate) fn sha512(bytes: impl AsRef<[u8]>) -> String {
    Algorithm::Sha512.digest(bytes.as_ref()).to_string()
}

/// Pushes a blob in one request.
pub(crate) fn push_blob(name: &str, bytes: &[u8]) -> Row {
    let digest = sha256(bytes);
    row("a blob is pushed", "POST", format!("/v2/{name}/blobs/uploads/?digest={digest}"))
        .body(bytes.to_vec())
        .is(201)
}

pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": sha256(bytes), "size": bytes.len() })
}

/// An image that needs the blob `{}` and nothing else, with these further fields.
pub(crate) fn image(fields: Value) -> Vec<u8> {
    let mut image = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [],
    });
    let (Value::Object(image), Value::Object(fields)) = (&mut image, fields) else {
        unreachable!("both are objects")
    };
    image.extend(fields);
    serde_json::to_vec(image).expect("JSON")
}

/// Pushes a manifest under a tag or digest.
pub(crate) fn push_manifest(name: &str, reference: &str, bytes: &[u8]) -> Row {
    row("a manifest is pushed", "PUT", format!("/v2/{name}/manifests/{reference}"))
        .with("content-type", OCI_MANIFEST)
        .body(bytes.to_vec())
        .is(201)
}
