//! The access log: one line for each request. Alone in its binary, since who listens to the log is
//! known to the whole process.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use http_body_util::{BodyExt, Full};
use hyper::{Request, service::Service};
use registry_adapters::{
    memory::{MemoryContents, MemoryRecords},
    system::{SystemClock, SystemRandom},
};
use registry_core::{digest::Algorithm, policy::AllowAll, registry::Registry};
use registry_http::RegistryService;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

type Line = BTreeMap<&'static str, String>;

/// Keeps the lines of the access log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<Line>>>);

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "registry_http::access"
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(Line::new());
        event.record(&mut fields);
        self.0.lock().expect("no panic").push(fields.0);
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

async fn send(service: &RegistryService, id: &str, method: &str, path: &str, body: &'static str) {
    let request = Request::builder().method(method).uri(path).header("x-request-id", id);
    let request = request.body(Full::from(body)).expect("a request");
    let reply = service.call(request).await.expect("never an error");
    reply.into_body().collect().await.expect("a whole body");
}

#[tokio::test]
async fn each_request_is_a_line_with_what_was_sent_and_received() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let (contents, records) = (MemoryContents::default(), MemoryRecords::default());
    let (clock, random) = (SystemClock::new(), SystemRandom);
    let registry = Registry::builder(contents, records, AllowAll, clock, random).build();
    let service = RegistryService::new(registry, clock, random);

    let digest = Algorithm::Sha256.digest(b"hello");
    let push = format!("/v2/a/blobs/uploads/?digest={digest}");
    let pull = format!("/v2/a/blobs/{digest}");
    send(&service, "push", "POST", &push, "hello").await;
    send(&service, "pull", "GET", &pull, "").await;
    send(&service, "head", "HEAD", &pull, "").await;
    send(&service, "none", "HEAD", "/v2/none", "").await;
    let dropped = Request::get(&pull).header("x-request-id", "dropped");
    let dropped = dropped.body(Full::from("")).expect("a request");
    drop(service.call(dropped).await.expect("never an error"));

    let expected = [
        ["push", "POST", "/v2/a/blobs/uploads/", "201", "5", "0", "true", "anonymous"],
        ["pull", "GET", &pull, "200", "0", "5", "true", "anonymous"],
        ["head", "HEAD", &pull, "200", "0", "0", "true", "anonymous"],
        ["none", "HEAD", "/v2/none", "404", "0", "0", "true", "anonymous"],
        ["dropped", "GET", &pull, "200", "0", "0", "false", "anonymous"],
    ];
    let lines = lines.0.lock().expect("no panic");
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    for (line, expected) in lines.iter().zip(expected) {
        let fields = ["method", "path", "status", "received", "sent", "complete", "principal"];
        let values = fields.map(|field| line[field].as_str());
        assert_eq!((&*line["request_id"], &values[..]), (expected[0], &expected[1..]));
        line["duration_us"].parse::<u64>().expect("a duration");
    }
}
