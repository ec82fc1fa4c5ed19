//! What is logged of a request: a line in the access log, and its failure once. Alone in their
//! binary, since who listens to the log is known to the whole process.

use std::{
    collections::BTreeMap,
    fmt, io,
    net::IpAddr,
    sync::{Mutex, Once},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::{Request, body::Frame, service::Service};
use registry_adapters::{
    memory::{MemoryContents, MemoryRecords},
    system::{SystemClock, SystemRandom},
};
use registry_core::{
    access::Grant,
    credentials::{Credentials, Secret},
    digest::Algorithm,
    identity::{CredentialKind, Principal, PrincipalKind},
    policy::AllowAll,
    ports::{
        Authenticated, AuthenticationError, Authenticator, Authorizer, AuthorizerError, Decision,
        IssuedToken, Limit, LimitKey, Question, RateLimiter, StoreError, SubjectKind, Taken,
        TokenError, TokenIssuer, TokenVerifier, VerifiedToken,
    },
    registry::Registry,
};
use registry_http::{ConnectionInfo, RegistryService, TokenService, TrustedProxies};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

type Line = BTreeMap<&'static str, String>;

/// Every line of this crate's log.
static LINES: Mutex<Vec<Line>> = Mutex::new(Vec::new());

struct Listener;

impl Listener {
    fn start() {
        static STARTED: Once = Once::new();
        STARTED.call_once(|| tracing::subscriber::set_global_default(Self).expect("the first"));
    }
}

/// The lines of the requests whose ids start so.
fn lines(id: &str, target: &str) -> Vec<Line> {
    let lines = LINES.lock().expect("no panic");
    let is_mine = |line: &&Line| line["request_id"].starts_with(id) && line["target"] == target;
    lines.iter().filter(is_mine).cloned().collect()
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("registry_http")
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut fields = Fields(Line::new());
        event.record(&mut fields);
        fields.0.insert("target", metadata.target().to_owned());
        fields.0.insert("level", metadata.level().to_string());
        // What is of no request has none.
        fields.0.entry("request_id").or_default();
        LINES.lock().expect("no panic").push(fields.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Fields(Line);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

fn service(authorizer: impl Authorizer) -> RegistryService {
    let (contents, records) = (MemoryContents::default(), MemoryRecords::default());
    let (clock, random) = (SystemClock::new(), SystemRandom);
    let registry = Registry::builder(contents, records, authorizer, clock, random).build();
    RegistryService::new(registry, clock, random)
}

fn request<B>(id: &str, method: &str, path: &str, body: B) -> Request<B> {
    let request = Request::builder().method(method).uri(path).header("x-request-id", id);
    request.body(body).expect("a request")
}

async fn send(service: &RegistryService, id: &str, method: &str, path: &str, body: &'static str) {
    let reply = service.call(request(id, method, path, Full::from(body))).await;
    reply.expect("never an error").into_body().collect().await.expect("a whole body");
}

#[tokio::test]
async fn each_request_is_a_line_with_what_was_sent_and_received() {
    Listener::start();
    let service = service(AllowAll);
    let digest = Algorithm::Sha256.digest(b"hello");
    let push = format!("/v2/a/blobs/uploads/?digest={digest}");
    let pull = format!("/v2/a/blobs/{digest}");
    send(&service, "a-push", "POST", &push, "hello").await;
    send(&service, "a-pull", "GET", &pull, "").await;
    send(&service, "a-head", "HEAD", &pull, "").await;
    send(&service, "a-none", "HEAD", "/v2/none", "").await;
    drop(service.call(request("a-dropped", "GET", &pull, Full::from(""))).await);

    let expected = [
        ["a-push", "POST", "/v2/a/blobs/uploads/", "201", "5", "0", "true", "anonymous"],
        ["a-pull", "GET", &pull, "200", "0", "5", "true", "anonymous"],
        ["a-head", "HEAD", &pull, "200", "0", "0", "true", "anonymous"],
        ["a-none", "HEAD", "/v2/none", "404", "0", "0", "true", "anonymous"],
        ["a-dropped", "GET", &pull, "200", "0", "0", "false", "anonymous"],
    ];
    let lines = lines("a-", "registry_http::access");
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    let fields =
        ["request_id", "method", "path", "status", "received", "sent", "complete", "principal"];
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(fields.map(|field| line[field].as_str()), expected);
        line["duration_us"].parse::<u64>().expect("a duration");
    }
}

/// Refuses everybody: they have a key that was good once.
struct Nobody;

#[async_trait]
impl Authenticator for Nobody {
    async fn authenticate(
        &self,
        _: &Credentials,
        _: Option<IpAddr>,
    ) -> Result<Authenticated, AuthenticationError> {
        let acme = Principal::project(&"acme".parse().expect("a name"));
        let key = acme.with_credential(CredentialKind::ProjectKey, Some("k0"));
        Err(AuthenticationError::refused("the key was revoked").of(key))
    }
}

#[tokio::test]
async fn why_credentials_were_refused_is_logged_and_they_are_not() {
    Listener::start();
    let (contents, records) = (MemoryContents::default(), MemoryRecords::default());
    let (clock, random) = (SystemClock::new(), SystemRandom);
    let registry = Registry::builder(contents, records, AllowAll, clock, random).build();
    let realm = "registry".parse().expect("a realm");
    let service =
        RegistryService::builder(registry, clock, random).authenticator(&realm, Nobody).build();
    // alice:hunter2, as a password, as a token, and where it is malformed.
    for (id, value) in [
        ("r-basic", "Basic YWxpY2U6aHVudGVyMg=="),
        ("r-bearer", "Bearer hunter2"),
        ("r-malformed", "hunter2"),
    ] {
        let mut request = request(id, "GET", "/v2/_catalog", Full::<Bytes>::default());
        request.headers_mut().insert("authorization", value.parse().expect("a header"));
        request.headers_mut().insert("host", "registry.test".parse().expect("a header"));
        let peer = "192.0.2.7".parse().expect("an address");
        request.extensions_mut().insert(ConnectionInfo::new(peer));
        let reply = service.call(request).await.expect("never an error");
        assert_eq!(reply.status(), 401);
        reply.into_body().collect().await.expect("a whole body");
    }

    let all = LINES.lock().expect("no panic").clone();
    let mine = all.iter().filter(|line| line["request_id"].starts_with("r-"));
    let shown = format!("{:?}", mine.collect::<Vec<_>>());
    for secret in ["hunter2", "aHVudGVyMg"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let lines = lines("r-", "registry_http::error");
    let said: Vec<_> = lines.iter().map(|l| (&*l["level"], &*l["error"])).collect();
    assert!(lines.iter().all(|line| line["peer"] == "192.0.2.7"), "{lines:?}");
    let whose: Vec<_> = lines
        .iter()
        .map(|line| ["principal", "credential"].map(|field| line.get(field).map(|text| &**text)))
        .collect();
    let key = [Some("Project(acme)"), Some("k0")];
    assert_eq!(whose, [key, key, [None, None]]);
    let told = "the credentials are not accepted: the credentials were refused: ";
    let revoked = format!("{told}the key was revoked");
    let malformed = format!(
        "{told}the Authorization header is malformed: its scheme is neither Basic nor Bearer"
    );
    assert_eq!(said, [("INFO", &*revoked), ("INFO", &*revoked), ("INFO", &*malformed)]);
}

#[tokio::test]
async fn a_proxy_that_nobody_trusts_is_warned_of_once() {
    Listener::start();
    let registry = || {
        let (contents, records) = (MemoryContents::default(), MemoryRecords::default());
        Registry::builder(contents, records, AllowAll, SystemClock::new(), SystemRandom).build()
    };
    let trusting = || {
        let proxies = TrustedProxies::new(["10.0.0.1"]).expect("an address");
        RegistryService::builder(registry(), SystemClock::new(), SystemRandom)
            .trusted_proxies(proxies)
            .build()
    };
    let ask = async |service: &RegistryService, id: &str, peer: &str, header: &'static str| {
        let mut request = request(id, "GET", "/v2/", Full::<Bytes>::default());
        request.extensions_mut().insert(ConnectionInfo::new(peer.parse().expect("an address")));
        request.headers_mut().insert("host", "registry.test".parse().expect("a header"));
        request.headers_mut().insert(header, "192.0.2.9".parse().expect("a header"));
        service.call(request).await.expect("never an error");
    };
    for (header, id) in [("x-forwarded-for", "x-1"), ("forwarded", "x-2")] {
        let service = trusting();
        ask(&service, "x-trusted", "10.0.0.1", header).await;
        ask(&service, "x-plain", "10.0.0.2", "x-real-ip").await;
        ask(&service, id, "10.0.0.2", header).await;
        ask(&service, "x-again", "10.0.0.2", header).await;
        ask(&service.clone(), "x-another", "10.0.0.3", header).await;
    }
    let lines = lines("x-", "registry_http::proxies");
    let said: Vec<_> =
        lines.iter().map(|l| [&*l["request_id"], &*l["level"], &*l["peer"]]).collect();
    assert_eq!(said, [["x-1", "WARN", "10.0.0.2"], ["x-2", "WARN", "10.0.0.2"]]);
}

#[cfg(feature = "tls")]
#[test]
fn a_key_that_everybody_may_read_is_warned_of() {
    use std::{fs, os::unix::fs::PermissionsExt};

    Listener::start();
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let names = ["registry.test".to_owned()];
    let pair = rcgen::generate_simple_self_signed(names).expect("a certificate");
    fs::write(at("certificate"), pair.cert.pem()).expect("written");
    fs::write(at("key"), pair.signing_key.serialize_pem()).expect("written");
    for mode in [0o600, 0o644] {
        fs::set_permissions(at("key"), fs::Permissions::from_mode(mode)).expect("set");
        registry_http::Tls::load(at("certificate"), at("key"), SystemClock::new()).expect("a pair");
    }
    let lines = lines("", "registry_http::server::tls::doubts");
    let said: Vec<_> = lines.iter().map(|line| [&*line["level"], &*line["key"]]).collect();
    assert_eq!(said, [["WARN", &*at("key").display().to_string()]]);
}

/// A namespace without room.
struct NoRoom;

#[async_trait]
impl RateLimiter for NoRoom {
    fn limits(&self, _: Limit, _: SubjectKind) -> bool {
        true
    }

    async fn take(&self, _: &LimitKey, _: u64) -> Result<Taken, StoreError> {
        Ok(Taken::Wait(Duration::MAX))
    }

    async fn give_back(&self, _: &LimitKey, _: u64) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Takes everybody for a project with a key, and makes no tokens.
struct Project;

#[async_trait]
impl Authenticator for Project {
    async fn authenticate(
        &self,
        _: &Credentials,
        _: Option<IpAddr>,
    ) -> Result<Authenticated, AuthenticationError> {
        let project = Principal::project(&"acme".parse().expect("a name"));
        let key = project.with_credential(CredentialKind::ProjectKey, Some("k1"));
        Ok(Authenticated::new(key))
    }
}

#[async_trait]
impl TokenIssuer for Project {
    async fn issue(&self, _: &Principal, _: &[Grant]) -> Result<IssuedToken, TokenError> {
        Err(TokenError::TooLong)
    }
}

#[async_trait]
impl TokenVerifier for Project {
    async fn verify(
        &self,
        _: &Secret,
        _: &[PrincipalKind],
    ) -> Result<VerifiedToken, AuthenticationError> {
        Err(AuthenticationError::refused("there are none"))
    }
}

#[tokio::test]
async fn why_somebody_may_not_is_logged_for_whoever_reads_what_is_logged_by_default() {
    Listener::start();
    let (contents, records) = (MemoryContents::default(), MemoryRecords::default());
    let (clock, random) = (SystemClock::new(), SystemRandom);
    let registry =
        Registry::builder(contents, records, AllowAll, clock, random).limiter(NoRoom).build();
    let realm = "registry".parse().expect("a realm");
    let tokens = TokenService::new(realm, Project, Project, Project)
        .not_to_pull_alone([CredentialKind::ProjectKey]);
    let service = RegistryService::builder(registry, clock, random).tokens(tokens).build();
    let push = format!("/v2/acme/a/blobs/uploads/?digest={}", Algorithm::Sha256.digest(b"hello"));
    send(&service, "d-full", "POST", &push, "hello").await;
    send(&service, "d-pull", "GET", "/v2/_token?scope=repository:acme/a:pull", "").await;

    let lines = lines("d-", "registry_http::error");
    let said: Vec<_> = lines
        .iter()
        .map(|line| {
            assert_eq!((&*line["level"], &*line["status"]), ("INFO", "403"));
            assert!(line["principal"].contains("acme"), "{line:?}");
            (&*line["request_id"], &*line["credential"], &*line["error"])
        })
        .collect();
    let full = "the namespace's quota of stored bytes is used up: delete something, or ask for more: \
                namespace acme was to keep 5 bytes more and has room for 0";
    let alone = "this kind of key is for pushing, and gets no token that can only pull: log in with \
                 other credentials, or with none where everybody may pull";
    assert_eq!(said, [("d-full", "k1", full), ("d-pull", "k1", alone)]);
}

/// An authorizer that cannot reach what it needs.
struct Unreachable;

#[async_trait]
impl Authorizer for Unreachable {
    async fn authorize(
        &self,
        _: &Principal,
        _: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        Err(AuthorizerError("the directory is down".into()))
    }
}

#[tokio::test]
async fn a_failure_is_logged_once_with_its_causes() {
    Listener::start();
    send(&service(Unreachable), "f-503", "GET", "/v2/_catalog", "").await;
    let body = StreamBody::new(stream::iter([Err::<Frame<Bytes>, _>(io::Error::other("cut"))]));
    let path = format!("/v2/a/blobs/uploads/?digest={}", Algorithm::Sha256.digest(b""));
    let reply = service(AllowAll).call(request("f-400", "POST", &path, body)).await;
    assert_eq!(reply.expect("never an error").status(), 400);

    let lines = lines("f-", "registry_http::error");
    let said: Vec<_> =
        lines.iter().map(|l| [&*l["request_id"], &*l["level"], &*l["error"]]).collect();
    let undecided = "the registry cannot decide on access for now: try again: \
                     the authorizer could not decide: the directory is down";
    let broken = "the body ended early: cut";
    assert_eq!(said, [["f-503", "WARN", undecided], ["f-400", "DEBUG", broken]]);
}
