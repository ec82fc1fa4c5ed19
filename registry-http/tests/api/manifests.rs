//! Manifests: what is taken for one, and how it is served.

use registry_core::policy::AllowAll;
use serde_json::json;

use super::support::*;

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
