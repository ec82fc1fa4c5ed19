//! How `serve` ends.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use hyper::StatusCode;
use rustix::process::Signal;

use crate::{
    http::{Http, closing},
    program::Program,
    running::Running,
};

const BYTES: &[u8] = b"hello";
const DIGEST: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// A request under way: its head and some of its body are sent.
struct Upload(TcpStream);

impl Upload {
    fn begin(running: &Running) -> Self {
        let mut stream = TcpStream::connect(running.address).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
        let path = closing("/v2/some/app/blobs/uploads/", DIGEST);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: registry\r\nContent-Length: {}\r\n\
             Expect: 100-continue\r\nConnection: close\r\n\r\n",
            BYTES.len()
        );
        stream.write_all(head.as_bytes()).expect("sends");
        // The server asks for the body: from here on the request is under way.
        let mut asked = [0; 25];
        stream.read_exact(&mut asked).expect("a reply");
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(&BYTES[..2]).expect("sends");
        Self(stream)
    }

    /// Sends the rest; gives the reply.
    fn finish(mut self) -> String {
        self.0.write_all(&BYTES[2..]).expect("sends");
        let mut reply = String::new();
        self.0.read_to_string(&mut reply).expect("a reply");
        reply
    }
}

#[test]
fn a_signal_lets_an_upload_end_and_takes_no_new_connection() {
    for signal in [Signal::TERM, Signal::INT] {
        let program = Program::new();
        let mut running = Running::start(&program, &[]);
        let upload = Upload::begin(&running);
        running.signal(signal);
        running.wait_for("draining");
        refuses(&running);
        assert!(upload.finish().starts_with("HTTP/1.1 201 Created\r\n"));
        running.wait_for("all requests ended");
        assert_eq!(running.end().0, Some(0));
    }
}

/// The listener is closed soon after the line that says so.
fn refuses(running: &Running) {
    let refused = (0..1_000_000).any(|_| TcpStream::connect(running.address).is_err());
    assert!(refused, "it still takes connections");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let program = Program::new();
        let mut running = Running::start(&program, &["--store", "memory"]);
        let _upload = Upload::begin(&running);
        running.signal(Signal::TERM);
        running.wait_for("draining");
        running.signal(signal);
        assert_eq!(running.end().0, Some(code));
    }
}

#[test]
fn an_upload_that_does_not_end_is_cut_off_after_the_drain_time() {
    let program = Program::new();
    let mut running = Running::start(&program, &["--store", "memory", "--drain-time", "100ms"]);
    let mut upload = Upload::begin(&running);
    running.signal(Signal::TERM);
    let line = running.wait_for("broke off requests that did not end");
    let event: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!((&event["connections"], &event["drain_time"]), (&1.into(), &"100ms".into()));
    assert_eq!(running.end().0, Some(0));
    let mut reply = Vec::new();
    // Cut off, so an error, or nothing at all.
    let _ = upload.0.read_to_end(&mut reply);
    assert_eq!(reply, b"");
}

#[test]
fn a_server_without_requests_ends_at_once() {
    let program = Program::new();
    let running = Running::start(&program, &["--drain-time", "1d"]);
    running.signal(Signal::TERM);
    assert_eq!(running.end().0, Some(0));
}

#[tokio::test]
async fn the_log_is_whole_however_it_ends() {
    for (second, code) in [(None, Some(0)), (Some(Signal::TERM), Some(143))] {
        let program = Program::new();
        let mut running = Running::start(&program, &["--store", "memory"]);
        let held = second.map(|_| Upload::begin(&running));
        let http = Http::new(running.address);
        for _ in 0..50 {
            assert_eq!(http.get("/v2/").await.expect("a reply").status, StatusCode::OK);
        }
        running.signal(Signal::TERM);
        if let Some(second) = second {
            running.wait_for("draining");
            running.signal(second);
        }
        let (ended, lines) = running.end();
        drop(held);
        assert_eq!(ended, code);
        let requests = lines.iter().filter(|line| line.contains("\"path\":\"/v2/\"")).count();
        assert_eq!(requests, 50, "{lines:?}");
    }
}
