//! The decisions of the design that show in HTTP, a table each.

use registry_core::{access::Action, policy::AllowAll};
use serde_json::json;

use super::support::*;

const MISSING: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

#[tokio::test]
async fn every_digest_algorithm_is_answered_as_it_was_asked() {
    // D2: sha512 stays sha512, in blobs and in the manifest that a tag names.
    let blob = b"{}".to_vec();
    let manifest = image(json!({}));
    let digest = sha512(&manifest);
    check(
        &open_service(),
        vec![
            row(
                "a blob by sha512",
                "POST",
                format!("/v2/a/blobs/uploads/?digest={}", sha512(&blob)),
            )
            .body(blob.clone())
            .is(201)
            .has("location", format!("/v2/a/blobs/{}", sha512(&blob)))
            .has("docker-content-digest", sha512(&blob)),
            row("its HEAD", "HEAD", format!("/v2/a/blobs/{}", sha512(&blob)))
                .has("docker-content-digest", sha512(&blob))
                .has("content-length", "2"),
            row("it is another blob by sha256", "HEAD", format!("/v2/a/blobs/{}", sha256(&blob)))
                .fails(404, "BLOB_UNKNOWN"),
            push_blob("a", &blob),
            push_manifest("a", &format!("{digest}?tag=latest"), &manifest)
                .has("location", format!("/v2/a/manifests/{digest}"))
                .has("docker-content-digest", digest.clone())
                .has("oci-tag", "latest"),
            row("the tag names it by sha512", "GET", "/v2/a/manifests/latest")
                .has("docker-content-digest", digest)
                .says(manifest),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_algorithm_is_announced_or_learned_at_the_close() {
    // D3
    let digest = sha512("later");
    check(
        &open_service(),
        vec![
            row("an upload without a word", "POST", "/v2/a/blobs/uploads/").is(202),
            row("its bytes", "PATCH", "{location}").body("later").is(202),
            row("its close by sha512", "PUT", format!("{{location}}?digest={digest}")).is(201),
            row("the blob", "GET", "{location}").says("later"),
            row("an announced upload", "POST", "/v2/a/blobs/uploads/?digest-algorithm=sha512")
                .is(202),
            row("its bytes", "PATCH", "{location}").body("later").is(202),
            row("its close", "PUT", format!("{{location}}?digest={digest}")).is(201),
            row("an unknown one", "POST", "/v2/a/blobs/uploads/?digest-algorithm=md5")
                .fails(400, "DIGEST_INVALID"),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_upload_goes_on_where_it_really_is() {
    // D4 relative locations, D5 unknown query keys, D6 offsets without a length, D7 the range of
    // nothing, D8 what a 416 says and keeps.
    let digest = sha256("hello, world");
    check(
        &open_service(),
        vec![
            row("an upload", "POST", "/v2/a/b/blobs/uploads/")
                .is(202)
                .has("range", "0-0")
                .has("content-length", "0"),
            row("a chunk that comes too early", "PATCH", "{location}")
                .with("content-range", "5-9")
                .body("world")
                .fails(416, "BLOB_UPLOAD_INVALID")
                .has("range", "0-0"),
            row("the status of nothing", "GET", "{location}?digest=whatever")
                .is(204)
                .has("range", "0-0"),
            row("the first chunk", "PATCH", "{location}?unknown=key")
                .with("content-range", "0-4")
                .body("hello")
                .is(202)
                .has("range", "0-4"),
            row("the same again", "PATCH", "{location}")
                .with("content-range", "0-4")
                .body("hello")
                .fails(416, "BLOB_UPLOAD_INVALID")
                .has("range", "0-4"),
            row("a malformed range", "PATCH", "{location}")
                .with("content-range", "bytes 5-6/7")
                .body(", ")
                .fails(400, "BLOB_UPLOAD_INVALID"),
            row("a range of another length", "PATCH", "{location}")
                .with("content-range", "5-9")
                .body(", ")
                .fails(400, "SIZE_INVALID"),
            row("a chunk without a range", "PATCH", "{location}")
                .body(", ")
                .is(202)
                .has("range", "0-6"),
            row("a close that comes too early", "PUT", format!("{{location}}?digest={digest}"))
                .with("content-range", "8-12")
                .body("world")
                .fails(416, "BLOB_UPLOAD_INVALID")
                .has("range", "0-6"),
            row("the status", "GET", "{location}").is(204).has("range", "0-6"),
            row("the close with the last chunk", "PUT", format!("{{location}}?digest={digest}"))
                .with("content-range", "7-11")
                .body("world")
                .is(201)
                .has("location", format!("/v2/a/b/blobs/{digest}"))
                .has("docker-content-digest", digest.clone())
                .has("content-length", "0"),
            row("the blob", "GET", "{location}").says("hello, world"),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_location_of_an_upload_is_opaque_and_relative() {
    // D4
    let service = open_service();
    let mut location = String::new();
    let open = row("an upload", "POST", "/v2/a/blobs/uploads").is(202);
    open.check(&service, &mut location).await;
    let id = location.strip_prefix("/v2/a/blobs/uploads/").expect("a relative location");
    assert_eq!(id.len(), 36, "{id}");
    assert!(!id.contains(['?', '/']), "{id}");
    let status = row("its status", "GET", "{location}").is(204).has("docker-upload-uuid", id);
    status.check(&service, &mut location.clone()).await;
    for method in ["GET", "PATCH", "DELETE"] {
        row("a path of another repository", method, location.replace("/a/", "/b/"))
            .fails(404, "BLOB_UPLOAD_UNKNOWN")
            .check(&service, &mut String::new())
            .await;
    }
}

#[tokio::test]
async fn a_wrong_digest_commits_nothing() {
    // D9, D10
    let right = sha256("right");
    check(
        &open_service(),
        vec![
            row("a push in one request", "POST", format!("/v2/a/blobs/uploads/?digest={right}"))
                .body("wrong")
                .fails(400, "DIGEST_INVALID"),
            row("nothing is there", "GET", format!("/v2/a/blobs/{right}")).is(404),
            row("an upload", "POST", "/v2/a/blobs/uploads/").is(202),
            row("its close", "PUT", format!("{{location}}?digest={right}"))
                .body("wrong")
                .fails(400, "DIGEST_INVALID"),
            row("nothing is there", "GET", format!("/v2/a/blobs/{right}")).is(404),
            row("a digest that is none", "POST", "/v2/a/blobs/uploads/?digest=sha256:beef")
                .body("right")
                .fails(400, "DIGEST_INVALID"),
            row("a digest in upper case", "GET", format!("/v2/a/blobs/{}", right.to_uppercase()))
                .fails(400, "DIGEST_INVALID"),
            row("the right one", "POST", format!("/v2/a/blobs/uploads/?digest={right}"))
                .body("right")
                .is(201)
                .has("location", format!("/v2/a/blobs/{right}")),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_close_needs_a_digest() {
    check(
        &open_service(),
        vec![
            row("an upload", "POST", "/v2/a/blobs/uploads/").is(202),
            row("its close", "PUT", "{location}").fails(400, "DIGEST_INVALID"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_blob_is_mounted_from_where_it_can_be_read() {
    // D11
    let digest = sha256("shared");
    let mount = |from: &str| format!("/v2/b/blobs/uploads/?mount={digest}{from}");
    check(
        &open_service(),
        vec![
            push_blob("a", b"shared"),
            row("a mount", "POST", mount("&from=a"))
                .is(201)
                .has("location", format!("/v2/b/blobs/{digest}"))
                .has("docker-content-digest", digest.clone()),
            row("the blob", "GET", "{location}").says("shared"),
            row("without a source", "POST", mount("")).is(201),
            row(
                "from where it is not",
                "POST",
                format!("/v2/c/blobs/uploads/?mount={MISSING}&from=a"),
            )
            .is(202)
            .has("range", "0-0"),
            row(
                "the upload that came instead",
                "PUT",
                format!("{{location}}?digest={}", sha256("x")),
            )
            .body("x")
            .is(201),
            row("from a name that is none", "POST", mount("&from=A")).fails(400, "NAME_INVALID"),
        ],
    )
    .await;
}

#[tokio::test]
async fn references_must_be_there() {
    // D13
    let manifest = image(json!({}));
    let service = open_service();
    check(&service, vec![push_manifest("a", "v1", &manifest).fails(400, "MANIFEST_BLOB_UNKNOWN")])
        .await;
    let sparse = registry(AllowAll).references(registry_core::registry::References::Sparse);
    let sparse = registry_http::RegistryService::new(
        sparse.build(),
        registry_adapters::system::SystemClock::new(),
        registry_adapters::system::SystemRandom,
    );
    check(&sparse, vec![push_manifest("a", "v1", &manifest)]).await;
}

#[tokio::test]
async fn a_manifest_is_counted_while_it_is_read() {
    // D14: 4 MiB to the byte. The table's bodies know their length; `bodies` sends some that do not.
    const MAX: usize = 4 * 1024 * 1024;
    let padded = |size: usize| {
        let mut manifest = image(json!({}));
        manifest.resize(size, b' ');
        manifest
    };
    check(
        &open_service(),
        vec![
            push_blob("a", b"{}"),
            push_manifest("a", "largest", &padded(MAX)),
            push_manifest("a", "larger", &padded(MAX + 1)).fails(413, "SIZE_INVALID"),
            row("nothing is there", "GET", "/v2/a/manifests/larger").is(404),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_manifest_is_served_as_it_was_pushed() {
    // D15 Accept is ignored, D25 entity tags, D27 the location of a push.
    let manifest = image(json!({ "unknown": "field" }));
    let digest = sha256(&manifest);
    let etag = format!("\"{digest}\"");
    check(
        &open_service(),
        vec![
            push_blob("a", b"{}"),
            push_manifest("a", "v1", &manifest)
                .has("location", format!("/v2/a/manifests/{digest}"))
                .has("docker-content-digest", digest.clone())
                .lacks("oci-tag")
                .lacks("oci-subject"),
            row("the location", "GET", "{location}").says(manifest.clone()),
            row("whatever is accepted", "GET", "/v2/a/manifests/v1")
                .with("accept", "text/html")
                .with("accept-encoding", "gzip")
                .has("content-type", OCI_MANIFEST)
                .has("docker-content-digest", digest.clone())
                .has("etag", etag.clone())
                .has("content-length", manifest.len().to_string())
                .says(manifest.clone()),
            row("its HEAD", "HEAD", "/v2/a/manifests/v1")
                .has("content-type", OCI_MANIFEST)
                .has("docker-content-digest", digest.clone())
                .has("content-length", manifest.len().to_string()),
            row("with what is known", "GET", "/v2/a/manifests/v1")
                .with("if-none-match", &etag)
                .is(304)
                .has("etag", etag.clone())
                .has("docker-content-digest", digest.clone()),
            row("with what is known, weakly, in a list", "HEAD", "/v2/a/manifests/v1")
                .with("if-none-match", &format!("\"other\", W/{etag}"))
                .is(304),
            row("with anything", "GET", "/v2/a/manifests/v1").with("if-none-match", "*").is(304),
            row("with another", "GET", "/v2/a/manifests/v1")
                .with("if-none-match", &format!("\"{MISSING}\""))
                .says(manifest.clone()),
            row(
                "a percent-encoded digest",
                "GET",
                format!("/v2/a/manifests/{}", digest.replace(':', "%3A")),
            )
            .says(manifest.clone()),
            row("a percent-encoded slash", "GET", "/v2/a%2Fb/manifests/v1")
                .fails(400, "NAME_INVALID"),
            row("a namespace", "GET", "/v2/a/manifests/v1?ns=docker.io:443")
                .has("oci-namespace", "docker.io:443"),
            row("no namespace", "GET", "/v2/a/manifests/v1").lacks("oci-namespace"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_manifest_must_be_what_the_request_says() {
    let manifest = image(json!({}));
    let digest = sha256(&manifest);
    let put = |does, reference: &str| {
        row(does, "PUT", format!("/v2/a/manifests/{reference}")).body(manifest.clone())
    };
    check(
        &open_service(),
        vec![
            push_blob("a", b"{}"),
            put("without a type", "v1").is(201).has("docker-content-digest", digest.clone()),
            put("with parameters", "v1")
                .with("content-type", &format!("{OCI_MANIFEST}; charset=utf-8"))
                .is(201),
            row("which are not served", "GET", "/v2/a/manifests/v1")
                .has("content-type", OCI_MANIFEST),
            put("with another type", "v1")
                .with("content-type", OCI_INDEX)
                .fails(400, "MANIFEST_INVALID"),
            put("with an unknown type", "v1")
                .with("content-type", "text/plain")
                .fails(400, "MANIFEST_INVALID"),
            put("with a type that is none", "v1")
                .with("content-type", "json")
                .fails(400, "MANIFEST_INVALID"),
            put("under another digest", MISSING).fails(400, "DIGEST_INVALID"),
            put("under a digest that is none", "sha256:baddigeststring")
                .fails(400, "DIGEST_INVALID"),
            put("under a tag that is none", ".v1").fails(400, "NAME_INVALID"),
            row("nothing at all", "PUT", "/v2/a/manifests/v1")
                .with("content-type", OCI_MANIFEST)
                .fails(400, "MANIFEST_INVALID"),
            put("shorter than announced", "v1")
                .with("content-length", &(manifest.len() + 1).to_string())
                .fails(400, "SIZE_INVALID"),
        ],
    )
    .await;
}

#[tokio::test]
async fn deletes_are_accepted_once_and_seen_at_once() {
    // D18
    let manifest = image(json!({}));
    let digest = sha256(&manifest);
    let blob = sha256("{}");
    check(
        &open_service(),
        vec![
            push_blob("a", b"{}"),
            push_manifest("a", "v1", &manifest),
            push_manifest("a", "v2", &manifest),
            row("a tag", "DELETE", "/v2/a/manifests/v1").is(202).has("content-length", "0"),
            row("it is gone", "GET", "/v2/a/manifests/v1").fails(404, "MANIFEST_UNKNOWN"),
            row("again", "DELETE", "/v2/a/manifests/v1").fails(404, "MANIFEST_UNKNOWN"),
            row("the manifest stays", "HEAD", format!("/v2/a/manifests/{digest}")),
            row("the manifest", "DELETE", format!("/v2/a/manifests/{digest}")).is(202),
            row("its tags go with it", "HEAD", "/v2/a/manifests/v2").fails(404, "MANIFEST_UNKNOWN"),
            row("again", "DELETE", format!("/v2/a/manifests/{digest}"))
                .fails(404, "MANIFEST_UNKNOWN"),
            row("a blob", "DELETE", format!("/v2/a/blobs/{blob}")).is(202),
            row("it is gone", "HEAD", format!("/v2/a/blobs/{blob}")).fails(404, "BLOB_UNKNOWN"),
            row("again", "DELETE", format!("/v2/a/blobs/{blob}")).fails(404, "BLOB_UNKNOWN"),
            row("in an unknown repository", "DELETE", format!("/v2/b/blobs/{blob}"))
                .fails(404, "NAME_UNKNOWN"),
        ],
    )
    .await;
}

#[tokio::test]
async fn several_tags_are_set_at_once() {
    // D21
    let manifest = image(json!({}));
    let digest = sha256(&manifest);
    let tags = |n: usize| {
        let tags: Vec<String> = (0..n).map(|i| format!("tag=t{i}")).collect();
        format!("{digest}?{}", tags.join("&"))
    };
    let service = open_service();
    check(
        &service,
        vec![
            push_blob("a", b"{}"),
            push_manifest("a", &tags(100), &manifest),
            push_manifest("a", &tags(101), &manifest).fails(414, "UNSUPPORTED"),
            push_manifest("b", &format!("{digest}?tag=good&tag=.bad"), &manifest)
                .fails(400, "NAME_INVALID"),
            row("none of them is set", "GET", "/v2/b/tags/list").is(404),
            push_manifest("a", "v1?tag=v2", &manifest).fails(400, "UNSUPPORTED"),
        ],
    )
    .await;
    let push = push_manifest("a", &tags(3), &manifest);
    let reply = push.send(&service).await;
    let tags: Vec<_> = reply.headers.get_all("oci-tag").iter().collect();
    assert_eq!(tags, ["t0", "t1", "t2"]);
}

#[tokio::test]
async fn a_cancelled_upload_is_gone() {
    // D23: whoever may push may cancel, and need not be allowed to delete.
    check(
        &guarded(Deny(|access| access.action == Action::Delete)),
        vec![
            push_blob("a", b"{}"),
            row("a blob", "DELETE", format!("/v2/a/blobs/{}", sha256("{}"))).fails(403, "DENIED"),
            row("an upload", "POST", "/v2/a/blobs/uploads/").is(202),
            row("is cancelled", "DELETE", "{location}").is(204).lacks("location"),
            row("and is gone", "GET", "{location}").fails(404, "BLOB_UPLOAD_UNKNOWN"),
            row("and cannot go on", "PATCH", "{location}")
                .body("x")
                .fails(404, "BLOB_UPLOAD_UNKNOWN"),
            row("an id that is none", "GET", "/v2/a/blobs/uploads/none")
                .fails(404, "BLOB_UPLOAD_UNKNOWN"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_range_of_a_blob_is_served() {
    // D25, D26
    let blob = b"0123456789".to_vec();
    let digest = sha256(&blob);
    let etag = format!("\"{digest}\"");
    let get = |does, range: &str| {
        row(does, "GET", format!("/v2/a/blobs/{}", sha256(b"0123456789"))).with("range", range)
    };
    let part = |row: Row, range: &str, bytes: &str| {
        row.is(206)
            .has("content-range", format!("bytes {range}/10"))
            .has("content-length", bytes.len().to_string())
            .has("accept-ranges", "bytes")
            .says(bytes)
    };
    let whole = |row: Row| row.lacks("content-range").says("0123456789");
    let none = |row: Row| row.fails(416, "SIZE_INVALID").has("content-range", "bytes */10");
    check(
        &open_service(),
        vec![
            push_blob("a", &blob),
            push_blob("a", b""),
            part(get("a first part", "bytes=0-3"), "0-3", "0123"),
            part(get("from the middle", "bytes=7-"), "7-9", "789"),
            part(get("the last bytes", "bytes=-2"), "8-9", "89"),
            part(get("more than there is", "bytes=8-20"), "8-9", "89"),
            part(get("more last bytes than there are", "bytes=-20"), "0-9", "0123456789"),
            none(get("beyond the end", "bytes=10-")),
            none(get("reversed", "bytes=5-0")),
            none(get("no last bytes", "bytes=-0")),
            whole(get("several", "bytes=0-1,4-5")),
            whole(get("another unit", "lines=0-1")),
            whole(get("nonsense", "bytes=a-b")),
            part(get("if it is this", "bytes=0-0").with("if-range", &etag), "0-0", "0"),
            whole(get("if it is another", "bytes=0-0").with("if-range", "\"other\"")),
            whole(
                get("if it is old", "bytes=0-0").with("if-range", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ),
            row("the whole", "GET", format!("/v2/a/blobs/{digest}"))
                .has("content-type", "application/octet-stream")
                .has("content-length", "10")
                .has("accept-ranges", "bytes")
                .has("docker-content-digest", digest.clone())
                .has("etag", etag.clone())
                .says(blob.clone()),
            row("its HEAD", "HEAD", format!("/v2/a/blobs/{digest}"))
                .with("range", "bytes=0-3")
                .has("content-length", "10")
                .has("docker-content-digest", digest.clone()),
            row("what is known", "GET", format!("/v2/a/blobs/{digest}"))
                .with("if-none-match", &etag)
                .is(304)
                .has("etag", etag.clone()),
            row("what is known and is not there", "GET", format!("/v2/a/blobs/{MISSING}"))
                .with("if-none-match", &format!("\"{MISSING}\""))
                .fails(404, "BLOB_UNKNOWN"),
            row("nothing of nothing", "GET", format!("/v2/a/blobs/{}", sha256("")))
                .with("range", "bytes=0-")
                .fails(416, "SIZE_INVALID")
                .has("content-range", "bytes */0"),
            row("nothing", "GET", format!("/v2/a/blobs/{}", sha256("")))
                .has("content-length", "0")
                .says(""),
            row("its HEAD", "HEAD", format!("/v2/a/blobs/{}", sha256("")))
                .has("content-length", "0"),
            row("a namespace", "GET", format!("/v2/a/blobs/{digest}?ns=ghcr.io"))
                .has("oci-namespace", "ghcr.io"),
            row("a namespace that is none", "GET", format!("/v2/a/blobs/{digest}?ns=a%0d%0ab"))
                .lacks("oci-namespace"),
        ],
    )
    .await;
}
