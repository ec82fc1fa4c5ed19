//! What a client cannot make the server hold or wait for.

use std::time::Duration;

use registry_http::ServerOptions;
use tokio::{io::AsyncWriteExt, time::timeout};

use super::support::*;

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_client_that_does_not_say_what_it_wants_is_dropped() {
    let mut options = ServerOptions::default();
    options.header_timeout = SHORT;
    let server = start_open(options).await;
    // Nothing; half of what HTTP/2 starts with; half a head; a head, and nothing after it.
    for said in
        ["", "PRI * HTTP/2", "GET /v2/ HTTP/1.1\r\nhost", "GET /v2/ HTTP/1.1\r\nhost: a\r\n\r\n"]
    {
        server.talk(said).await;
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = start_open(ServerOptions::default()).await;
    let long = "x".repeat(40_000);
    let reply = server.talk(&format!("GET /v2/ HTTP/1.1\r\nhost: a\r\nx: {long}\r\n\r\n")).await;
    assert!(reply.starts_with("HTTP/1.1 431 "), "{reply}");
    assert!(reply.contains("content-length: 0\r\n"), "no envelope, as the documents say: {reply}");
    let many = "x: y\r\n".repeat(200);
    let reply = server.talk(&format!("GET /v2/ HTTP/1.1\r\nhost: a\r\n{many}\r\n")).await;
    assert!(reply.starts_with("HTTP/1.1 431 "), "{reply}");
    let reply = server.http2().await.start("GET", "/v2/", &[("x", &long)], "").await;
    assert_eq!(reply.status(), 431);
}

#[tokio::test]
async fn a_head_may_be_as_large_as_is_said_also_where_bodies_are_read_in_small_pieces() {
    let mut options = ServerOptions::default();
    options.max_header_size = 64 * 1024;
    options.read_size = 8 * 1024;
    let server = start_open(options).await;
    let long = "x".repeat(40_000);
    for mut client in [server.http1().await, server.http2().await] {
        assert_eq!(client.send("GET", "/v2/", &[("x", &long)], "").await.status, 200);
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_dropped() {
    let mut options = ServerOptions::default();
    options.send_timeout = SHORT;
    options.drain_limit = Duration::from_secs(60);
    let mut server = start_open(options).await;
    // More than the buffers of both sockets hold, of which the client reads nothing.
    let mut client = server.http1().await;
    let blob = vec![1; 40 * 1024 * 1024];
    let digest = registry_core::digest::Algorithm::Sha256.digest(&blob);
    let push = format!("/v2/a/blobs/uploads/?digest={digest}");
    assert_eq!(client.send("POST", &push, &[], blob).await.status, 201);
    drop(client);
    let mut stream = server.connect().await;
    let request = format!("GET /v2/a/blobs/{digest} HTTP/1.1\r\nhost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    // While a request is under way the server does not stop, so this ends because it was given up.
    stream.readable().await.expect("the reply begins");
    server.stop();
    server.stopped().await;
}

#[tokio::test]
async fn a_connection_too_many_waits_for_its_turn() {
    let mut options = ServerOptions::default();
    options.max_connections = 1;
    let server = start_open(options).await;
    let mut first = server.http1().await;
    assert_eq!(first.send("GET", "/v2/", &[], "").await.status, 200);
    let mut second = server.http1().await;
    let waiting = second.send("GET", "/v2/", &[], "");
    tokio::pin!(waiting);
    assert!(timeout(SHORT, &mut waiting).await.is_err());
    drop(first);
    assert_eq!(timeout(SOON, waiting).await.expect("its turn").status, 200);
}

#[tokio::test]
async fn many_silent_connections_keep_nobody_waiting() {
    let server = start_open(ServerOptions::default()).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET /v2/ HTTP/1.1\r\n").await.expect("sent");
        silent.push(stream);
    }
    let mut client = server.http1().await;
    let probe = timeout(Duration::from_secs(1), client.send("GET", "/v2/", &[], "")).await;
    assert_eq!(probe.expect("an answer within a second").status, 200);
}
