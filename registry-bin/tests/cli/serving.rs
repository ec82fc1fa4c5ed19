//! `serve` while it runs.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use hyper::{Method, StatusCode};
use sha2::{Digest, Sha256};

use crate::{http::Http, program::Program, running::Running};

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

async fn push_blob(http: &Http, bytes: &'static [u8]) -> crate::http::Reply {
    let path = format!("/v2/some/app/blobs/uploads/?digest={}", digest(bytes));
    http.send(Method::POST, &path, &[], bytes).await.expect("a reply")
}

#[tokio::test]
async fn without_a_terminal_each_line_is_json_and_names_the_address() {
    let program = Program::new();
    let running = Running::start(&program, &[]);
    assert_ne!(running.address.port(), 0);
    let reply = Http::new(running.address).get("/v2/").await.expect("a reply");
    assert_eq!(reply.status, StatusCode::OK);
    running.signal(rustix::process::Signal::TERM);
    let (_, lines) = running.end();
    for line in lines {
        serde_json::from_str::<serde_json::Value>(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
    }
}

#[test]
fn a_person_gets_lines_to_paste_and_the_absolute_path() {
    let program = Program::new();
    let mut running = Running::start(&program, &["--log-format", "human"]);
    let data = program.path().canonicalize().expect("a path").join("registry-data");
    running.wait_for(&format!("storing in {}, power-safe", data.display()));
    for line in ["docker tag alpine", "docker push", "docker pull"] {
        running.wait_for(&format!("    {line} {}/alpine", running.address));
    }
    assert!(data.is_dir());
}

#[tokio::test]
async fn what_is_pushed_can_be_pulled_after_a_restart() {
    let program = Program::new();
    let bytes = b"kept";
    let running = Running::start(&program, &["--data", "kept"]);
    let pushed = push_blob(&Http::new(running.address), bytes).await;
    assert_eq!(pushed.status, StatusCode::CREATED);
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.end().0, Some(0));
    let running = Running::start(&program, &["--data", "kept"]);
    let reply = Http::new(running.address).get(pushed.location()).await.expect("a reply");
    assert_eq!((reply.status, &*reply.body), (StatusCode::OK, &bytes[..]));
}

#[tokio::test]
async fn each_request_is_one_line_of_the_log_with_its_id() {
    let program = Program::new();
    let mut running = Running::start(&program, &["--store", "memory"]);
    let reply = push_blob(&Http::new(running.address), b"four").await;
    let id = reply.header("x-request-id").to_owned();
    let line = running.wait_for(&id);
    let event: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(event["target"], "registry_http::access");
    assert_eq!(event["principal"], "anonymous");
    assert_eq!(event["method"], "POST");
    assert_eq!(event["path"], "/v2/some/app/blobs/uploads/");
    assert_eq!(event["status"], 201);
    assert_eq!((&event["received"], &event["sent"]), (&4.into(), &0.into()));
    assert!(event["duration_us"].as_u64().is_some_and(|micros| micros > 0), "{line}");
}

#[tokio::test]
async fn the_probes_say_that_it_lives_and_is_ready() {
    let program = Program::new();
    let running = Running::start(&program, &[]);
    let http = Http::new(running.address);
    for (method, path, status, body) in [
        (Method::GET, "/healthz", StatusCode::OK, "ok\n"),
        (Method::GET, "/readyz", StatusCode::OK, "ready\n"),
        (Method::HEAD, "/readyz", StatusCode::OK, ""),
        (Method::GET, "/healthz/more", StatusCode::NOT_FOUND, "{"),
        (Method::POST, "/healthz", StatusCode::NOT_FOUND, "{"),
    ] {
        let reply = http.send(method.clone(), path, &[], "").await.expect("a reply");
        assert_eq!(reply.status, status, "{method} {path}");
        assert!(reply.body.starts_with(body.as_bytes()), "{method} {path}: {:?}", reply.body);
    }
}

#[tokio::test]
async fn the_settings_reach_what_they_set() {
    let program = Program::new();
    let options = ["--store", "memory", "--max-blob-size", "3"];
    let running = Running::start(&program, &options);
    let http = Http::new(running.address);
    assert_eq!(push_blob(&http, b"four").await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(push_blob(&http, b"two").await.status, StatusCode::CREATED);

    let options = ["--store", "memory", "--max-header-size", "4KiB"];
    let running = Running::start(&program, &options);
    let long = format!("/v2/?{}", "x".repeat(5000));
    let reply = Http::new(running.address).get(&long).await.expect("a reply");
    assert_eq!(reply.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);

    let running = Running::start(&program, &["--store", "memory", "--read-only"]);
    let http = Http::new(running.address);
    assert_eq!(push_blob(&http, b"two").await.status, StatusCode::METHOD_NOT_ALLOWED);

    for (references, status) in
        [("strict", StatusCode::BAD_REQUEST), ("sparse", StatusCode::CREATED)]
    {
        let options = ["--store", "memory", "--references", references];
        let running = Running::start(&program, &options);
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
            "config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{}","size":2}},
            "layers":[]}}"#,
            digest(b"{}")
        );
        let path = "/v2/some/app/manifests/latest";
        let reply = Http::new(running.address).send(Method::PUT, path, &[], manifest).await;
        assert_eq!(reply.expect("a reply").status, status, "{references}");
    }
}

#[test]
fn a_client_that_sends_too_slowly_is_refused_long_before_it_is_idle() {
    let options = ["--store", "memory", "--body-min-rate", "1KiB", "--body-rate-window", "1s"];
    let running = Running::start(&Program::new(), &options);
    let mut stream = TcpStream::connect(running.address).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
    let path = format!("/v2/some/app/blobs/uploads/?digest={}", digest(b"four"));
    let request = format!("POST {path} HTTP/1.1\r\nHost: registry\r\nContent-Length: 4\r\n\r\nfo");
    stream.write_all(request.as_bytes()).expect("sends");
    let mut status = [0; 13];
    stream.read_exact(&mut status).expect("a reply before the idle time-out of a minute");
    assert_eq!(&status, b"HTTP/1.1 408 ");
}
