//! Uploads: how a blob comes in, piece by piece, at once, or from another repository.

use registry_core::access::Action;

use super::support::*;

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
