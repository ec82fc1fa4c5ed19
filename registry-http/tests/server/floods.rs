//! HTTP/2 frames in numbers that no client sends.

use registry_http::ServerOptions;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::support::*;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:method: GET`, `:scheme: http`, `:path: /` (RFC 7541 appendix A).
const GET: [u8; 3] = [0x82, 0x86, 0x84];

/// RFC 9113 section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Sends these frames after the preface, and says whether the server ended the connection with a
/// reason.
async fn is_turned_away(server: &Server, frames: &[u8]) -> bool {
    let stream = server.connect().await;
    let (mut read, mut write) = stream.into_split();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    bytes.extend(frames);
    // The server may close before it has read everything.
    let sending = tokio::spawn(async move {
        let _ = write.write_all(&bytes).await;
        write
    });
    let mut said = Vec::new();
    let _ = timeout(SOON, read.read_to_end(&mut said)).await.expect("the connection ends");
    drop(sending.await);
    kinds(&said).contains(&GOAWAY)
}

/// The kinds of the frames in these bytes.
fn kinds(mut bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        kinds.push(head[3]);
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        bytes = rest.get(length..).unwrap_or_default();
    }
    kinds
}

#[tokio::test]
async fn a_flood_of_resets_ends_the_connection() {
    // CVE-2023-44487
    let server = start_open(ServerOptions::default()).await;
    let mut frames = Vec::new();
    for stream in (1..2000).step_by(2) {
        frames.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, &GET));
        frames.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    assert!(is_turned_away(&server, &frames).await);
    assert_eq!(server.http2().await.send("GET", "/v2/", &[], "").await.status, 200);
}

#[tokio::test]
async fn a_flood_of_streams_that_the_server_has_to_reset_ends_the_connection() {
    // CVE-2025-8671: a window beyond 2^31-1 is an error of its stream (RFC 9113 section 6.9.1).
    let server = start_open(ServerOptions::default()).await;
    let mut frames = Vec::new();
    for stream in (1..8000).step_by(2) {
        frames.extend(frame(HEADERS, END_HEADERS, stream, &GET));
        frames.extend(frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes()));
    }
    assert!(is_turned_away(&server, &frames).await);
    assert_eq!(server.http2().await.send("GET", "/v2/", &[], "").await.status, 200);
}

#[tokio::test]
async fn a_flood_of_continuations_ends_the_connection() {
    // RUSTSEC-2024-0332
    let server = start_open(ServerOptions::default()).await;
    let mut frames = frame(HEADERS, END_STREAM, 1, &GET);
    // A literal field of a kibibyte that is not indexed, over and over.
    let mut field = vec![0x00, 0x01, b'x', 0x7f, 0x81, 0x07];
    field.extend([b'y'; 1024]);
    for _ in 0..4096 {
        frames.extend(frame(CONTINUATION, 0, 1, &field));
    }
    assert!(is_turned_away(&server, &frames).await);
    assert_eq!(server.http2().await.send("GET", "/v2/", &[], "").await.status, 200);
}
