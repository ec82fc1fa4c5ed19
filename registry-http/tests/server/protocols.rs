//! The same registry over HTTP/1.1 and HTTP/2.

use registry_core::digest::Algorithm;
use registry_http::ServerOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::*;

#[tokio::test]
async fn a_blob_goes_up_and_down_over_both_protocols() {
    let server = start_open(ServerOptions::default()).await;
    for mut client in [server.http1().await, server.http2().await] {
        let blob = vec![7; 3 * 1024 * 1024 + 11];
        let digest = Algorithm::Sha256.digest(&blob);
        let opened = client.send("POST", "/v2/a/blobs/uploads/", &[], "").await;
        assert_eq!(
            (opened.status.as_u16(), &opened.headers["content-length"]),
            (202, &"0".parse().unwrap())
        );
        let location = opened.headers["location"].to_str().unwrap().to_owned();
        let half = blob.len() / 2;
        let reply = client.send("PATCH", &location, &[], blob[..half].to_vec()).await;
        assert_eq!(reply.status, 202);
        let path = format!("{location}?digest={digest}");
        assert_eq!(client.send("PUT", &path, &[], blob[half..].to_vec()).await.status, 201);

        let path = format!("/v2/a/blobs/{digest}");
        let head = client.send("HEAD", &path, &[], "").await;
        assert_eq!(head.headers["content-length"], blob.len().to_string());
        assert_eq!(client.send("GET", &path, &[], "").await.body, blob);
        let part = client.send("GET", &path, &[("range", "bytes=-3")], "").await;
        assert_eq!((part.status.as_u16(), &part.body[..]), (206, &[7, 7, 7][..]));
    }
}

#[tokio::test]
async fn replies_without_content_have_the_headers_of_the_wire() {
    let server = start_open(ServerOptions::default()).await;
    let digest = Algorithm::Sha256.digest(b"");
    for mut client in [server.http1().await, server.http2().await] {
        let path = format!("/v2/a/blobs/uploads/?digest={digest}");
        assert_eq!(client.send("POST", &path, &[], "").await.status, 201);
        let head = client.send("HEAD", &format!("/v2/a/blobs/{digest}"), &[], "").await;
        assert_eq!(head.headers["content-length"], "0");
        let opened = client.send("POST", "/v2/a/blobs/uploads/", &[], "").await;
        let location = opened.headers["location"].to_str().unwrap().to_owned();
        let status = client.send("GET", &location, &[], "").await;
        assert_eq!((status.status.as_u16(), status.headers.get("content-length")), (204, None));
        let cancelled = client.send("DELETE", &location, &[], "").await;
        assert_eq!(
            (cancelled.status.as_u16(), cancelled.headers.get("content-length")),
            (204, None)
        );
        let error = client.send("HEAD", "/v2/a/manifests/none", &[], "").await;
        assert_eq!(error.status, 404);
        assert_eq!(error.headers["content-type"], "application/json");
        assert_ne!(error.headers["content-length"], "0");
        let known = format!("\"{digest}\"");
        let path = format!("/v2/a/blobs/{digest}");
        let known = client.send("GET", &path, &[("if-none-match", &known)], "").await;
        assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
    }
}

const UNKNOWN: &str = "/v2/a/blobs/uploads/f47ac10b-58cc-4372-a567-0e02b2c3d479";

#[tokio::test]
async fn a_client_that_sends_everything_first_gets_its_reply() {
    // As much as no buffer holds: who closes early resets the connection, and the reply is lost.
    const LENGTH: usize = 20 * 1024 * 1024;
    let server = start_open(ServerOptions::default()).await;
    let mut stream = server.connect().await;
    let head = format!("PATCH {UNKNOWN} HTTP/1.1\r\nhost: a\r\ncontent-length: {LENGTH}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(&vec![0; LENGTH]).await.expect("sent");
    // The connection is where it should be: the next request on it is understood.
    let next = b"GET /v2/ HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    stream.write_all(next).await.expect("sent");
    let replies = read_to_end(&mut stream).await;
    assert!(replies.starts_with("HTTP/1.1 404 "), "{replies}");
    assert!(replies.contains("HTTP/1.1 200 "), "{replies}");
}

#[tokio::test]
async fn a_stream_that_is_refused_leaves_the_others_alone() {
    let server = start_open(ServerOptions::default()).await;
    let mut client = server.http2().await;
    let reply = client.send("PATCH", UNKNOWN, &[], vec![0; 20 * 1024 * 1024]).await;
    assert_eq!(reply.status, 404);
    assert_eq!(client.send("GET", "/v2/", &[], "").await.status, 200);
}

#[tokio::test]
async fn a_client_that_waits_to_send_is_spared_the_body() {
    let server = start_open(ServerOptions::default()).await;
    let request = |path: &str| {
        format!(
            "PUT {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\n\
             content-length: 9\r\n\r\n"
        )
    };
    let refused = server.talk(&request("/v2/A/manifests/v1")).await;
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");

    let mut stream = server.connect().await;
    stream.write_all(request("/v2/a/manifests/v1").as_bytes()).await.unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"{\"a\": 1 }").await.unwrap();
    let reply = read_to_end(&mut stream).await;
    assert!(reply.starts_with("HTTP/1.1 400 ") && reply.contains("MANIFEST_INVALID"), "{reply}");
}

#[tokio::test]
async fn requests_that_could_be_read_in_two_ways_are_refused() {
    let server = start_open(ServerOptions::default()).await;
    let post = "POST /v2/a/blobs/uploads/ HTTP/1.1\r\nhost: a\r\n";
    for headers in [
        "content-length: 3\r\ncontent-length: 4\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "content-length: +3\r\n",
        "content-length : 3\r\n",
        "content-length: 3\r\n x: y\r\n",
    ] {
        let reply = server.talk(&format!("{post}{headers}\r\n0\r\n\r\n")).await;
        // One reply at most, and never to what was smuggled.
        assert!(reply.starts_with("HTTP/1.1 400 "), "{headers:?}: {reply}");
        assert_eq!(reply.matches("HTTP/1.1").count(), 1, "{headers:?}: {reply}");
    }
}

#[tokio::test]
async fn a_length_beside_chunks_is_not_believed_and_the_connection_ends() {
    // RFC 9112 section 6.3: the chunks count, and nothing may follow on the connection.
    let server = start_open(ServerOptions::default()).await;
    let path = format!("/v2/a/blobs/uploads/?digest={}", Algorithm::Sha256.digest(b"hello"));
    let post = format!("POST {path} HTTP/1.1\r\nhost: a\r\n");
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    let smuggled = "GET /v2/ HTTP/1.1\r\nhost: a\r\n\r\n";
    for headers in [
        "content-length: 3\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 3\r\n",
    ] {
        let reply = server.talk(&format!("{post}{headers}\r\n{chunks}{smuggled}")).await;
        assert!(reply.starts_with("HTTP/1.1 201 "), "{headers:?}: {reply}");
        assert!(reply.contains("connection: close\r\n"), "{headers:?}: {reply}");
        assert_eq!(reply.matches("HTTP/1.1").count(), 1, "{headers:?}: {reply}");
    }
}
