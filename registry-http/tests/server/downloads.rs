//! Blobs out of open files.

use std::{
    io::{Seek, SeekFrom, Write},
    ops::Range,
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use http_body_util::BodyExt;
use registry_adapters::system::{SystemClock, SystemRandom};
use registry_core::{
    descriptor::Descriptor,
    digest::{Algorithm, Digest},
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    page::Page,
    ports::{
        BlobOptions, Content, ContentBytes, Fetched, Listing, ManifestOptions, PulledManifest,
        ReferrerOptions, Source, StoreError, StoreErrorKind,
    },
    reference::Reference,
    tag::Tag,
};
use registry_http::{RegistryService, ServerOptions};
use tokio::sync::Notify;

use super::support::*;

/// A source with one blob.
struct OneBlob(Box<dyn Fn(u64, Range<u64>) -> ContentBytes + Send + Sync>, u64);

#[async_trait]
impl Source for OneBlob {
    async fn blob(
        &self,
        _: &Caller,
        _: &RepositoryName,
        _: &Digest,
        options: &BlobOptions,
    ) -> Result<Fetched<Content>, RegistryError> {
        let size = self.1;
        let range = match options.range {
            Some(range) => {
                range.resolve(size).ok_or(RegistryError::RangeNotSatisfiable { size })?
            }
            None => 0..size,
        };
        let bytes = self.0(size, range.clone());
        Ok(Fetched::Found(Content::new(size, range, bytes)))
    }

    async fn manifest(
        &self,
        _: &Caller,
        _: &RepositoryName,
        _: &Reference,
        _: &ManifestOptions,
    ) -> Result<Fetched<PulledManifest>, RegistryError> {
        Ok(Fetched::Unknown)
    }

    async fn tags(
        &self,
        _: &Caller,
        _: &RepositoryName,
        _: &Page,
    ) -> Result<Fetched<Listing<Tag>>, RegistryError> {
        Ok(Fetched::Unknown)
    }

    async fn referrers(
        &self,
        _: &Caller,
        _: &RepositoryName,
        _: &Digest,
        _: &ReferrerOptions,
    ) -> Result<Listing<Descriptor>, RegistryError> {
        Ok(Listing::new(stream::empty().boxed(), None))
    }

    async fn repositories(
        &self,
        _: &Caller,
        _: &Page,
    ) -> Result<Listing<RepositoryName>, RegistryError> {
        Ok(Listing::new(stream::empty().boxed(), None))
    }
}

pub(super) fn service(
    size: usize,
    bytes: impl Fn(u64, Range<u64>) -> ContentBytes + Send + Sync + 'static,
) -> RegistryService {
    let source = Arc::new(OneBlob(Box::new(bytes), size as u64));
    RegistryService::reader(source, SystemClock::new(), SystemRandom).build()
}

pub(super) fn path() -> String {
    format!("/v2/a/blobs/{}", Algorithm::Sha256.digest(b"whatever"))
}

/// What a connection that cannot take a file gets instead.
pub(super) fn as_stream(
    _: std::fs::File,
    range: Range<u64>,
) -> BoxStream<'static, Result<Bytes, StoreError>> {
    let length = usize::try_from(range.end - range.start).expect("a short range");
    stream::once(async move { Ok(Bytes::from(vec![b's'; length])) }).boxed()
}

#[tokio::test]
async fn a_file_is_sent_in_windows_on_http1_and_as_a_stream_on_http2() {
    // Odd, and more than some windows.
    let blob: Vec<u8> = (0..9_876_543_u32).map(|i| (i % 251) as u8).collect();
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(&blob).expect("written");
    let size = blob.len();
    let open = move |_, _| ContentBytes::File(file.try_clone().expect("a file"), as_stream);
    let server = start(service(size, open), ServerOptions::default()).await;

    let mut client = server.http1().await;
    for (range, expected) in [
        ("bytes=0-", &blob[..]),
        ("bytes=0-0", &blob[..1]),
        ("bytes=4095-4096", &blob[4095..4097]),
        ("bytes=1048575-2097152", &blob[1_048_575..2_097_153]),
        ("bytes=-1", &blob[size - 1..]),
        ("bytes=1234567-", &blob[1_234_567..]),
    ] {
        let reply = client.send("GET", &path(), &[("range", range)], "").await;
        assert_eq!(reply.status, 206);
        assert_eq!(reply.headers["content-length"], expected.len().to_string());
        assert!(reply.body == expected, "{range}: other bytes");
    }
    assert!(client.send("GET", &path(), &[], "").await.body == blob);
    assert_eq!(
        client.send("HEAD", &path(), &[], "").await.headers["content-length"],
        size.to_string()
    );

    let mut client = server.http2().await;
    let reply = client.send("GET", &path(), &[("range", "bytes=5-7")], "").await;
    assert_eq!(reply.body, "sss");
}

#[tokio::test]
async fn a_file_that_lost_its_end_breaks_the_reply_off_and_not_the_server() {
    const SIZE: usize = 4 * 1024 * 1024;
    let mut file = tempfile::tempfile().expect("a file");
    file.seek(SeekFrom::Start(99_999)).expect("a position");
    file.write_all(b"x").expect("written");
    let open = move |_, _| ContentBytes::File(file.try_clone().expect("a file"), as_stream);
    let server = start(service(SIZE, open), ServerOptions::default()).await;
    let request = format!("GET {} HTTP/1.1\r\nhost: a\r\n\r\n", path());
    // Broken off before or after its head, and never filled up with something else.
    let reply = server.talk(&request).await;
    assert!(reply.is_empty() || reply.contains("content-length: 4194304"), "{reply}");
    assert!(reply.len() < 110_000, "{} bytes", reply.len());
    assert_eq!(server.http1().await.send("GET", "/v2/", &[], "").await.status, 200);
}

#[tokio::test]
async fn a_content_that_fails_breaks_the_reply_off() {
    let fail = Arc::new(Notify::new());
    let failing = Arc::clone(&fail);
    let bytes = move |_, _| {
        let fail = Arc::clone(&failing);
        let failure = async move {
            fail.notified().await;
            Err(StoreError::new(StoreErrorKind::Other))
        };
        let pieces = stream::iter([Ok(Bytes::from("hello"))]).chain(stream::once(failure));
        ContentBytes::Stream(pieces.boxed())
    };
    let server = start(service(10, bytes), ServerOptions::default()).await;
    for mut client in [server.http1().await, server.http2().await] {
        let reply = client.start("GET", &path(), &[], "").await;
        assert_eq!(reply.status(), 200);
        fail.notify_one();
        assert!(reply.into_body().collect().await.is_err());
    }
}
