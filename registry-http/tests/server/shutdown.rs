//! How the server stops.

use std::time::Duration;

use registry_http::ServerOptions;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::support::*;

/// An upload of ten bytes of which five have been sent, when the server waits for the others.
async fn half_a_push(server: &Server) -> TcpStream {
    let mut stream = server.connect().await;
    let digest = registry_core::digest::Algorithm::Sha256.digest(b"helloworld");
    let request = format!(
        "POST /v2/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nhost: a\r\n\
         expect: 100-continue\r\ncontent-length: 10\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.expect("told to go on");
    stream.write_all(b"hello").await.expect("sent");
    stream
}

#[tokio::test]
async fn a_request_under_way_is_finished_and_idle_connections_are_closed() {
    let mut server = start_open(ServerOptions::default()).await;
    let mut idle1 = server.http1().await;
    assert_eq!(idle1.send("GET", "/v2/", &[], "").await.status, 200);
    let mut idle2 = server.http2().await;
    assert_eq!(idle2.send("GET", "/v2/", &[], "").await.status, 200);
    let _silent = server.connect().await;
    let mut push = half_a_push(&server).await;

    server.stop();
    push.write_all(b"world").await.expect("sent");
    let reply = read_to_end(&mut push).await;
    assert!(reply.starts_with("HTTP/1.1 201 "), "{reply}");
    let address = server.address;
    assert_eq!(server.stopped().await.broken_off, 0);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_request_that_does_not_end_is_broken_off_and_counted() {
    let mut options = ServerOptions::default();
    options.drain_limit = Duration::from_millis(50);
    let mut server = start_open(options).await;
    let _idle = server.connect().await;
    let mut pushes = [half_a_push(&server).await, half_a_push(&server).await];
    server.stop();
    assert_eq!(server.stopped().await.broken_off, pushes.len());
    for push in &mut pushes {
        assert_eq!(read_to_end(push).await, "");
    }
}
