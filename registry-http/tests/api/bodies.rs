//! Bodies that come slowly, break off, or must not be read at all.
#![expect(clippy::disallowed_methods, reason = "the tests stop tokio's time")]

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    Stream, StreamExt, future,
    stream::{self, FuturesUnordered},
};
use http_body_util::StreamBody;
use hyper::{
    Request,
    body::{Body, Frame},
    service::Service,
};
use registry_adapters::system::SystemRandom;
use registry_core::{
    access::{Access, Action},
    policy::AllowAll,
    ports::Clock,
    registry::Registry,
};
use registry_http::RegistryService;
use serde_json::json;
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, timeout},
};

use super::support::*;

/// tokio's time, which a test can stop.
struct TokioClock(Instant);

#[async_trait]
impl Clock for TokioClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        pause(duration).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests stop tokio's time")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

fn service(registry: Registry) -> RegistryService {
    RegistryService::new(registry, TokioClock(Instant::now()), SystemRandom)
}

/// Sends a request with this body.
async fn send<B>(service: &RegistryService, method: &str, path: &str, body: B) -> Reply
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let request = Request::builder().method(method).uri(path).body(body).expect("a request");
    Reply::read(service.call(request).await.expect("never an error")).await
}

/// A body of these pieces.
fn streamed(
    pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> impl Body<Data = Bytes, Error = io::Error> + Send + 'static {
    StreamBody::new(pieces.map(|piece| piece.map(Frame::data)))
}

fn piece(text: &'static str) -> io::Result<Bytes> {
    Ok(Bytes::from(text))
}

/// A body of one byte after each pause, for ever.
fn dripping(pause_between: Duration) -> impl Body<Data = Bytes, Error = io::Error> + Send {
    streamed(stream::repeat(()).then(move |()| async move {
        pause(pause_between).await;
        piece("x")
    }))
}

async fn open_upload(service: &RegistryService) -> String {
    let mut location = String::new();
    let open = row("an upload", "POST", "/v2/a/blobs/uploads/").is(202);
    open.check(service, &mut location).await;
    location
}

fn assert_failed(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status);
    assert_eq!(reply.json()["errors"][0]["code"], code);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_coming_is_given_up() {
    let service = service(registry(AllowAll).build());
    let location = open_upload(&service).await;
    let start = Instant::now();
    let body = streamed(stream::iter([piece("hello")]).chain(stream::pending()));
    let reply = send(&service, "PATCH", &location, body).await;
    assert_failed(&reply, 408, "BLOB_UPLOAD_INVALID");
    assert_eq!(start.elapsed().as_secs(), 60);
    // What arrived is kept, since nobody said how much there would be.
    let status = row("the status", "GET", location).is(204).has("range", "0-4");
    check(&service, vec![status]).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_given_up() {
    let service = service(registry(AllowAll).build());
    let location = open_upload(&service).await;
    let start = Instant::now();
    let reply = send(&service, "PATCH", &location, dripping(Duration::from_secs(1))).await;
    assert_failed(&reply, 408, "BLOB_UPLOAD_INVALID");
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_that_keeps_coming_is_read_to_its_end() {
    let service = service(registry(AllowAll).build());
    let kibibyte = || async {
        pause(Duration::from_secs(3)).await;
        Ok(Bytes::from(vec![b'x'; 1024]))
    };
    let body = streamed(stream::repeat(()).take(1000).then(move |()| kibibyte()));
    let digest = sha256(vec![b'x'; 1_024_000]);
    let path = format!("/v2/a/blobs/uploads/?digest={digest}");
    assert_eq!(send(&service, "POST", &path, body).await.status, 201);
}

#[tokio::test]
async fn a_body_that_breaks_keeps_what_arrived_unless_more_was_announced() {
    let service = service(registry(AllowAll).build());
    let location = open_upload(&service).await;
    let broken = || {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        streamed(stream::iter([piece("hello"), Err(reset)]))
    };
    let reply = send(&service, "PATCH", &location, broken()).await;
    assert_failed(&reply, 400, "BLOB_UPLOAD_INVALID");
    assert!(!String::from_utf8_lossy(&reply.body).contains("reset"));
    let status = row("the status", "GET", location.clone()).is(204).has("range", "0-4");
    check(&service, vec![status]).await;

    for (name, value) in [("content-length", "10"), ("content-range", "5-14")] {
        let request = Request::patch(&location).header(name, value).body(broken()).unwrap();
        let reply = Reply::read(service.call(request).await.unwrap()).await;
        assert_failed(&reply, 400, "BLOB_UPLOAD_INVALID");
        let status = row("the status", "GET", location.clone()).is(204).has("range", "0-4");
        check(&service, vec![status]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_does_not_come_whole_is_no_manifest() {
    let service = service(registry(AllowAll).build());
    let reset = io::Error::from(io::ErrorKind::ConnectionReset);
    let broken = streamed(stream::iter([piece("{"), Err(reset)]));
    let reply = send(&service, "PUT", "/v2/a/manifests/v1", broken).await;
    assert_failed(&reply, 400, "MANIFEST_INVALID");
    let stopped = streamed(stream::iter([piece("{")]).chain(stream::pending()));
    let reply = send(&service, "PUT", "/v2/a/manifests/v1", stopped).await;
    assert_failed(&reply, 408, "MANIFEST_INVALID");
}

/// A body that fails the test when it is read.
struct Untouchable;

impl Body for Untouchable {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        panic!("the body was read")
    }
}

/// Sends a request with a body that must not be read.
async fn send_unread(
    service: &RegistryService,
    method: &str,
    path: &str,
    header: (&str, &str),
) -> Reply {
    let request = Request::builder().method(method).uri(path).header(header.0, header.1);
    let request = request.body(Untouchable).expect("a request");
    Reply::read(service.call(request).await.expect("never an error")).await
}

#[tokio::test]
async fn what_is_refused_is_refused_before_its_body_is_read() {
    let open = service(registry(AllowAll).max_blob_size(1000).build());
    let location = open_upload(&open).await;
    let good = format!("/v2/a/blobs/uploads/?digest={}", sha256(""));
    let unknown = "/v2/a/blobs/uploads/f47ac10b-58cc-4372-a567-0e02b2c3d479";
    let none = ("x-none", "");
    for (does, method, path, header, status, code) in [
        ("no route", "PUT", "/v2/a/nothing", none, 404, "NAME_UNKNOWN"),
        ("a bad name", "PUT", "/v2/A/manifests/v1", none, 400, "NAME_INVALID"),
        ("a bad tag", "PUT", "/v2/a/manifests/.v1", none, 400, "NAME_INVALID"),
        ("a bad digest", "PUT", "/v2/a/manifests/sha256:1", none, 400, "DIGEST_INVALID"),
        ("a bad type", "PUT", "/v2/a/manifests/v1", ("content-type", "x"), 400, "MANIFEST_INVALID"),
        (
            "a manifest too large",
            "PUT",
            "/v2/a/manifests/v1",
            ("content-length", "4194305"),
            413,
            "SIZE_INVALID",
        ),
        ("an unknown upload", "PATCH", unknown, none, 404, "BLOB_UPLOAD_UNKNOWN"),
        ("an offset", "PATCH", &location, ("content-range", "5-9"), 416, "BLOB_UPLOAD_INVALID"),
        ("no offset", "PATCH", &location, ("content-range", "x"), 400, "BLOB_UPLOAD_INVALID"),
        ("a length", "PATCH", &location, ("content-length", "x"), 400, "SIZE_INVALID"),
        ("a chunk too large", "PATCH", &location, ("content-length", "1001"), 413, "SIZE_INVALID"),
        ("a close without a digest", "PUT", &location, none, 400, "DIGEST_INVALID"),
        ("a blob too large", "POST", &good, ("content-length", "1001"), 413, "SIZE_INVALID"),
        ("a method", "PATCH", "/v2/", none, 405, "UNSUPPORTED"),
    ] {
        let reply = send_unread(&open, method, path, header).await;
        assert_eq!(reply.status, status, "{does}");
        assert_eq!(reply.json()["errors"][0]["code"], code, "{does}");
    }
    let is_write = |access: &Access| !matches!(access.action, Action::Pull | Action::Catalog);
    let denied = service(registry(Deny(is_write)).build());
    for (method, path) in [("POST", &*good), ("PATCH", unknown), ("PUT", "/v2/a/manifests/v1")] {
        assert_failed(&send_unread(&denied, method, path, none).await, 403, "DENIED");
    }
    let reader = reader(registry(AllowAll).build());
    for (method, path) in [("POST", &*good), ("PATCH", unknown), ("PUT", "/v2/a/manifests/v1")] {
        assert_failed(&send_unread(&reader, method, path, none).await, 405, "UNSUPPORTED");
    }
}

#[tokio::test]
async fn a_manifest_without_a_length_is_read_to_its_limit_and_no_further() {
    let service = service(registry(AllowAll).build());
    let pieces = || stream::repeat_with(|| Ok(Bytes::from(vec![b' '; 64 * 1024])));
    let reply = send(&service, "PUT", "/v2/a/manifests/v1", streamed(pieces())).await;
    assert_failed(&reply, 413, "SIZE_INVALID");

    let manifest = Bytes::from(image(json!({})));
    check(&service, vec![push_blob("a", b"{}")]).await;
    let body = streamed(stream::iter([Ok(manifest.slice(..9)), Ok(manifest.slice(9..))]));
    assert_eq!(send(&service, "PUT", "/v2/a/manifests/v1", body).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn bodies_beyond_the_memory_for_them_wait_and_are_turned_away() {
    let clock = TokioClock(Instant::now());
    let service = RegistryService::builder(registry(AllowAll).build(), clock, SystemRandom)
        .body_memory(4 * 1024 * 1024)
        .build();
    let go_on = Arc::new(Notify::new());
    let push = |()| {
        let (go_on, service) = (Arc::clone(&go_on), service.clone());
        let body = streamed(stream::once(async move {
            go_on.notified().await;
            piece("hello")
        }));
        let path = format!("/v2/a/blobs/uploads/?digest={}", sha256("hello"));
        tokio::spawn(async move { send(&service, "POST", &path, body).await })
    };
    let mut pushes: FuturesUnordered<_> = std::iter::repeat_n((), 100).map(push).collect();
    // No body goes on, so all that end now were turned away, and the others have their share.
    let mut turned_away = 0;
    while let Ok(reply) = timeout(Duration::from_secs(30), pushes.next()).await {
        let reply = reply.expect("some are held").expect("a reply");
        assert_failed(&reply, 503, "UNAVAILABLE");
        assert!(!reply.header("retry-after").is_empty());
        turned_away += 1;
    }
    assert_eq!(turned_away, 96, "each of the others holds 1 MiB of 4");
    // A request without a body needs no share.
    check(&service, vec![row("an upload", "POST", "/v2/a/blobs/uploads/").is(202)]).await;
    go_on.notify_waiters();
    while let Some(reply) = pushes.next().await {
        assert_eq!(reply.expect("a reply").status, 201);
    }
    check(&service, vec![push_blob("a", b"there is room again")]).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_is_refused_neither_waits_for_memory_nor_holds_any() {
    let clock = TokioClock(Instant::now());
    let is_closed = |access: &Access| {
        let name = access.resource.repository().map(ToString::to_string);
        access.action == Action::Push && name.as_deref() == Some("closed")
    };
    let service = RegistryService::builder(registry(Deny(is_closed)).build(), clock, SystemRandom)
        .body_memory(4 * 1024 * 1024)
        .build();
    let path = |name: &str| format!("/v2/{name}/blobs/uploads/?digest={}", sha256("hello"));
    let mut held = Vec::new();
    for _ in 0..4 {
        let (is_read, reading) = oneshot::channel();
        let body = streamed(stream::once(async move {
            is_read.send(()).expect("the test waits");
            future::pending().await
        }));
        let (service, path) = (service.clone(), path("open"));
        held.push(tokio::spawn(async move { send(&service, "POST", &path, body).await }));
        reading.await.expect("the body is read once it has its share");
    }
    let start = Instant::now();
    for (method, path) in [("POST", path("closed")), ("PUT", "/v2/closed/manifests/v1".to_owned())]
    {
        let reply = send_unread(&service, method, &path, ("x-none", "")).await;
        assert_failed(&reply, 403, "DENIED");
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    // There really is no room.
    let reply = send(&service, "POST", &path("open"), streamed(stream::pending())).await;
    assert_failed(&reply, 503, "UNAVAILABLE");
    held.iter().for_each(tokio::task::JoinHandle::abort);
}
