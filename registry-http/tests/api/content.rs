//! What holds of blobs and manifests alike, and the ranges of a blob.

use serde_json::json;

use super::support::*;

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
