//! Every failure that the core knows, and what a client is told of it.

use std::{error::Error, time::Duration};

use async_trait::async_trait;
use registry_core::{
    descriptor::Descriptor,
    digest::{Algorithm, Digest, DigestError},
    endpoint::EndpointError,
    error::{BodyError, ErrorCode, RegistryError},
    identity::Caller,
    manifest::ManifestError,
    name::RepositoryName,
    page::Page,
    policy::{AllowAll, ReadOnly},
    ports::{
        AuthenticationError, AuthorizerError, BlobOptions, Content, Fetched, Listing,
        ManifestOptions, PulledManifest, ReferrerOptions, Source, StoreError, StoreErrorKind,
    },
    reference::Reference,
    tag::Tag,
};
use registry_http::RegistryService;

use super::support::*;

const SECRET: &str = "/srv/data at 10.0.0.1: password=hunter2";

/// A source that fails in one way only.
struct Failing(fn() -> RegistryError);

#[async_trait]
impl Source for Failing {
    async fn manifest(
        &self,
        _: &Caller,
        _: &RepositoryName,
        _: &Reference,
        _: &ManifestOptions,
    ) -> Result<Fetched<PulledManifest>, RegistryError> {
        Err(self.0())
    }

    async fn blob(
        &self,
        _: &Caller,
        _: &RepositoryName,
        _: &Digest,
        _: &BlobOptions,
    ) -> Result<Fetched<Content>, RegistryError> {
        Err(self.0())
    }

    async fn tags(
        &self,
        _: &Caller,
        _: &RepositoryName,
        _: &Page,
    ) -> Result<Fetched<Listing<Tag>>, RegistryError> {
        Err(self.0())
    }

    async fn referrers(
        &self,
        _: &Caller,
        _: &RepositoryName,
        _: &Digest,
        _: &ReferrerOptions,
    ) -> Result<Listing<Descriptor>, RegistryError> {
        Err(self.0())
    }

    async fn repositories(
        &self,
        _: &Caller,
        _: &Page,
    ) -> Result<Listing<RepositoryName>, RegistryError> {
        Err(self.0())
    }
}

fn secret() -> Box<dyn Error + Send + Sync> {
    SECRET.into()
}

fn store(kind: StoreErrorKind) -> RegistryError {
    StoreError::with_source(kind, secret()).into()
}

fn manifest_body(error: BodyError) -> RegistryError {
    RegistryError::ManifestBody(error)
}

/// An error, the status and code that it must have, and a header that must come with it.
type Case = (fn() -> RegistryError, u16, &'static str, Option<(&'static str, &'static str)>);

const CASES: &[Case] = &[
    (|| EndpointError::NoRoute.into(), 404, "NAME_UNKNOWN", None),
    (
        || EndpointError::Method { allow: "GET, HEAD" }.into(),
        405,
        "UNSUPPORTED",
        Some(("allow", "GET, HEAD")),
    ),
    (|| EndpointError::TagsOnTag.into(), 400, "UNSUPPORTED", None),
    (|| EndpointError::TooManyTags.into(), 414, "UNSUPPORTED", None),
    (
        || "A".parse::<RepositoryName>().map_err(EndpointError::Name).unwrap_err().into(),
        400,
        "NAME_INVALID",
        None,
    ),
    (|| RegistryError::NameUnknown, 404, "NAME_UNKNOWN", None),
    (|| RegistryError::BlobUnknown, 404, "BLOB_UNKNOWN", None),
    (
        || RegistryError::RangeNotSatisfiable { size: 7 },
        416,
        "SIZE_INVALID",
        Some(("content-range", "bytes */7")),
    ),
    (|| RegistryError::UploadUnknown, 404, "BLOB_UPLOAD_UNKNOWN", None),
    (|| RegistryError::UploadRange { offset: 7 }, 416, "BLOB_UPLOAD_INVALID", None),
    (|| RegistryError::UploadInvalid("no"), 400, "BLOB_UPLOAD_INVALID", None),
    (|| DigestError::Encoded.into(), 400, "DIGEST_INVALID", None),
    (|| RegistryError::DigestDiffers(Algorithm::Sha256.digest(b"")), 400, "DIGEST_INVALID", None),
    (|| RegistryError::SizeInvalid, 400, "SIZE_INVALID", None),
    (|| RegistryError::BlobTooLarge { limit: 1 }, 413, "SIZE_INVALID", None),
    (|| RegistryError::ManifestUnknown, 404, "MANIFEST_UNKNOWN", None),
    (|| ManifestError::SchemaVersion.into(), 400, "MANIFEST_INVALID", None),
    (|| RegistryError::ManifestTooLarge, 413, "SIZE_INVALID", None),
    (
        || RegistryError::ManifestBlobUnknown(vec![Algorithm::Sha256.digest(b"")]),
        400,
        "MANIFEST_BLOB_UNKNOWN",
        None,
    ),
    (|| RegistryError::Denied, 403, "DENIED", None),
    (|| RegistryError::Unauthenticated, 401, "UNAUTHORIZED", None),
    (|| AuthenticationError::refused(SECRET).into(), 401, "UNAUTHORIZED", None),
    (
        || AuthenticationError::Throttled { retry_after: Duration::from_secs(9) }.into(),
        429,
        "TOOMANYREQUESTS",
        Some(("retry-after", "9")),
    ),
    (
        || AuthenticationError::Unavailable(secret()).into(),
        503,
        "UNAVAILABLE",
        Some(("retry-after", "1")),
    ),
    (|| RegistryError::Refused("log in otherwise"), 403, "DENIED", None),
    (
        || RegistryError::Throttled { retry_after: Duration::from_millis(2001) },
        429,
        "TOOMANYREQUESTS",
        Some(("retry-after", "3")),
    ),
    (
        // Where waiting alone does not help.
        || RegistryError::Throttled { retry_after: Duration::MAX },
        429,
        "TOOMANYREQUESTS",
        Some(("retry-after", "86400")),
    ),
    (|| RegistryError::Unsupported, 405, "UNSUPPORTED", Some(("allow", ""))),
    (|| BodyError::Broken(secret()).into(), 400, "BLOB_UPLOAD_INVALID", None),
    (|| BodyError::TimedOut.into(), 408, "BLOB_UPLOAD_INVALID", None),
    (|| BodyError::Overloaded.into(), 503, "UNAVAILABLE", Some(("retry-after", "1"))),
    (|| manifest_body(BodyError::Broken(secret())), 400, "MANIFEST_INVALID", None),
    (|| manifest_body(BodyError::TimedOut), 408, "MANIFEST_INVALID", None),
    (|| manifest_body(BodyError::Overloaded), 503, "UNAVAILABLE", Some(("retry-after", "1"))),
    (|| RegistryError::Busy, 503, "UNAVAILABLE", Some(("retry-after", "1"))),
    (|| AuthorizerError(secret()).into(), 503, "UNAVAILABLE", Some(("retry-after", "1"))),
    (|| store(StoreErrorKind::Busy), 503, "UNAVAILABLE", Some(("retry-after", "1"))),
    (|| store(StoreErrorKind::Reauthenticate), 503, "UNAVAILABLE", Some(("retry-after", "1"))),
    (
        || store(StoreErrorKind::Unavailable { retry_after: Some(Duration::from_millis(6001)) }),
        503,
        "UNAVAILABLE",
        Some(("retry-after", "7")),
    ),
    (|| store(StoreErrorKind::Full), 507, "UNKNOWN", None),
    (|| store(StoreErrorKind::TooLarge), 413, "SIZE_INVALID", None),
    (|| store(StoreErrorKind::Corrupt), 500, "UNKNOWN", None),
    (|| store(StoreErrorKind::Denied), 500, "UNKNOWN", None),
    (|| store(StoreErrorKind::Unsupported), 500, "UNKNOWN", None),
    (|| store(StoreErrorKind::Lost), 500, "UNKNOWN", None),
    (|| store(StoreErrorKind::Sealed), 500, "UNKNOWN", None),
    (|| store(StoreErrorKind::Other), 500, "UNKNOWN", None),
];

#[tokio::test]
async fn every_failure_has_its_status_and_shows_nothing_of_the_inside() {
    for (error, status, code, header) in CASES {
        let service = reader(Failing(*error));
        for path in ["/v2/a/manifests/v1", "/v2/a/tags/list", "/v2/_catalog"] {
            for method in ["GET", "HEAD"] {
                let row = row("a failure", method, path).fails(*status, code);
                let row = match header {
                    Some((name, value)) => row.has(name, *value),
                    None => row.lacks("retry-after"),
                };
                check(&service, vec![row]).await;
            }
        }
        let reply = row("a failure", "GET", "/v2/_catalog").send(&service).await;
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(!body.contains(SECRET), "{body}");
        assert!(!format!("{:?}", reply.headers).contains("hunter2"));
    }
}

#[test]
fn the_cases_cover_every_code() {
    for code in ErrorCode::ALL {
        assert!(CASES.iter().any(|(error, ..)| error().code() == code), "{code:?}");
    }
}

#[tokio::test]
async fn each_missing_reference_is_an_entry_with_its_digest() {
    let missing = || {
        let digests = [&b"a"[..], b"b"].map(|bytes| Algorithm::Sha256.digest(bytes));
        RegistryError::ManifestBlobUnknown(digests.to_vec())
    };
    let reply = row("", "GET", "/v2/a/manifests/v1").send(&reader(Failing(missing))).await;
    let body = reply.json();
    let digests: Vec<_> =
        body["errors"].as_array().unwrap().iter().map(|e| e["detail"]["digest"].clone()).collect();
    assert_eq!(digests, [sha256("a"), sha256("b")]);
}

#[tokio::test]
async fn a_path_without_a_route_is_unknown_and_a_method_without_one_is_refused() {
    let digest = sha256("");
    check(
        &open_service(),
        vec![
            row("the root", "GET", "/").fails(404, "NAME_UNKNOWN"),
            row("another version", "GET", "/v1/").fails(404, "NAME_UNKNOWN"),
            row("another prefix", "GET", "/v22/").fails(404, "NAME_UNKNOWN"),
            row("nothing of a repository", "GET", "/v2/a/nothing").fails(404, "NAME_UNKNOWN"),
            row("no name", "GET", "/v2/tags/list").fails(404, "NAME_UNKNOWN"),
            row("ping", "POST", "/v2/").fails(405, "UNSUPPORTED").has("allow", "GET, HEAD"),
            row("a manifest", "PATCH", "/v2/a/manifests/v1")
                .fails(405, "UNSUPPORTED")
                .has("allow", "GET, HEAD, PUT, DELETE"),
            row("a blob", "PUT", format!("/v2/a/blobs/{digest}"))
                .fails(405, "UNSUPPORTED")
                .has("allow", "GET, HEAD, DELETE"),
            row("uploads", "GET", "/v2/a/blobs/uploads/")
                .fails(405, "UNSUPPORTED")
                .has("allow", "POST"),
            row("tags", "DELETE", "/v2/a/tags/list")
                .fails(405, "UNSUPPORTED")
                .has("allow", "GET, HEAD"),
            row("the catalog", "TRACE", "/v2/_catalog").fails(405, "UNSUPPORTED"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_registry_that_nobody_may_write_to_says_what_it_can() {
    let read_only = RegistryService::new(
        registry(ReadOnly(AllowAll)).build(),
        registry_adapters::system::SystemClock::new(),
        registry_adapters::system::SystemRandom,
    );
    let digest = sha256("");
    for service in [read_only, reader(registry(ReadOnly(AllowAll)).build())] {
        let refused = |method, path: String| {
            row("a write", method, path).body("{}").fails(405, "UNSUPPORTED")
        };
        check(
            &service,
            vec![
                refused("PUT", "/v2/a/manifests/v1".into()).has("allow", "GET, HEAD"),
                refused("DELETE", "/v2/a/manifests/v1".into()).has("allow", "GET, HEAD"),
                refused("DELETE", format!("/v2/a/blobs/{digest}")).has("allow", "GET, HEAD"),
                refused("POST", "/v2/a/blobs/uploads/".into()).has("allow", ""),
                refused("POST", format!("/v2/a/blobs/uploads/?digest={digest}")).has("allow", ""),
                refused("POST", format!("/v2/a/blobs/uploads/?mount={digest}")).has("allow", ""),
                row("a read", "GET", "/v2/_catalog"),
            ],
        )
        .await;
    }
}
