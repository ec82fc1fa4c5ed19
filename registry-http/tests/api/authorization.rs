//! What a caller who may not is told: that, and nothing more.

use std::collections::BTreeMap;

use registry_core::access::{Access, Action};
use registry_http::RegistryService;
use serde_json::json;

use super::support::*;

/// A service on which nobody may pull from the repositories `secret` and `secret/…`.
fn with_secrets() -> RegistryService {
    guarded(Deny(|access: &Access| {
        let name = access.resource.repository().map(ToString::to_string).unwrap_or_default();
        access.action == Action::Pull && name.split('/').next() == Some("secret")
    }))
}

/// Everything a client sees of a reply but what is made up for each request. Where it names an
/// upload, the upload's id is left out.
fn seen(reply: &Reply) -> (u16, BTreeMap<String, String>, Vec<u8>) {
    let id = reply.header("docker-upload-uuid").to_owned();
    let shown = |value: &str| match &*id {
        "" => value.to_owned(),
        id => value.replace(id, "<id>"),
    };
    let headers = reply
        .headers
        .iter()
        .filter(|(name, _)| *name != "x-request-id")
        .map(|(name, value)| (name.to_string(), shown(value.to_str().expect("ASCII"))))
        .collect();
    (reply.status.as_u16(), headers, reply.body.to_vec())
}

#[tokio::test]
async fn a_denied_read_reveals_nothing() {
    // D22: whether there is such a repository, or such content in it, cannot be told from a 403.
    let service = with_secrets();
    let manifest = image(json!({}));
    check(&service, vec![push_blob("secret", b"{}"), push_manifest("secret", "v1", &manifest)])
        .await;
    let paths = |name: &str, bytes: &[u8], manifest: &[u8], tag: &str| {
        [
            format!("/v2/{name}/blobs/{}", sha256(bytes)),
            format!("/v2/{name}/manifests/{tag}"),
            format!("/v2/{name}/manifests/{}", sha256(manifest)),
            format!("/v2/{name}/tags/list"),
            format!("/v2/{name}/tags/list?n=0"),
            format!("/v2/{name}/referrers/{}", sha256(manifest)),
        ]
    };
    let there = paths("secret", b"{}", &manifest, "v1");
    let not_in_it = paths("secret", b"other", b"other", "other");
    let nowhere = paths("secret/nowhere", b"{}", &manifest, "v1");
    for method in ["GET", "HEAD"] {
        for ((there, not_in_it), nowhere) in there.iter().zip(&not_in_it).zip(&nowhere) {
            let mut location = String::new();
            let denied = row("what is there", method, there).fails(403, "DENIED");
            denied.check(&service, &mut location).await;
            let said = seen(&row("", method, there).send(&service).await);
            for other in [not_in_it, nowhere] {
                assert_eq!(seen(&row("", method, other).send(&service).await), said, "{other}");
            }
        }
    }
}

#[tokio::test]
async fn a_denied_write_reveals_nothing() {
    // D22, on the writing side.
    let service = guarded(Deny(|access: &Access| {
        let name = access.resource.repository().map(ToString::to_string);
        matches!(access.action, Action::Push | Action::Delete) && name.as_deref() != Some("mine")
    }));
    let digest = sha256("{}");
    check(&service, vec![push_blob("mine", b"{}")]).await;
    for (method, path) in [
        ("POST", "/v2/other/blobs/uploads/".to_owned()),
        ("POST", format!("/v2/other/blobs/uploads/?digest={digest}")),
        ("POST", format!("/v2/other/blobs/uploads/?mount={digest}&from=mine")),
        ("PUT", "/v2/other/manifests/v1".to_owned()),
        ("DELETE", "/v2/other/manifests/v1".to_owned()),
        ("DELETE", format!("/v2/other/blobs/{digest}")),
        ("PATCH", "/v2/other/blobs/uploads/f47ac10b-58cc-4372-a567-0e02b2c3d479".to_owned()),
        ("DELETE", "/v2/other/blobs/uploads/f47ac10b-58cc-4372-a567-0e02b2c3d479".to_owned()),
    ] {
        check(&service, vec![row("a write", method, path).body("{}").fails(403, "DENIED")]).await;
    }
    // Nothing of it made the repository.
    check(&service, vec![row("", "GET", "/v2/other/tags/list").fails(404, "NAME_UNKNOWN")]).await;
}

#[tokio::test]
async fn a_mount_reveals_nothing() {
    // D11, D12: what cannot be read cannot be mounted, and the reply is that of any upload.
    let service = with_secrets();
    let digest = sha256("shared");
    check(&service, vec![push_blob("secret", b"shared")]).await;
    let opened = row("", "POST", "/v2/b/blobs/uploads/").send(&service).await;
    assert_eq!(opened.status, 202);
    let opened = seen(&opened);
    for query in [
        format!("mount={digest}&from=secret"),
        format!("mount={digest}&from=secret/nowhere"),
        format!("mount={}&from=secret", sha256("nowhere")),
        format!("mount={digest}&from=nowhere"),
        format!("mount={digest}"),
        format!("mount={}", sha256("nowhere")),
    ] {
        let reply = row("", "POST", format!("/v2/b/blobs/uploads/?{query}")).send(&service).await;
        assert_eq!(seen(&reply), opened, "{query}");
    }
    check(
        &service,
        vec![
            row("it is not there", "HEAD", format!("/v2/b/blobs/{digest}"))
                .fails(404, "BLOB_UNKNOWN"),
            row("a mount", "POST", format!("/v2/b/blobs/uploads/?mount={digest}&from=secret"))
                .is(202),
            row("is an upload", "PUT", format!("{{location}}?digest={digest}"))
                .body("shared")
                .is(201),
            row(
                "from where it can be read",
                "POST",
                format!("/v2/c/blobs/uploads/?mount={digest}"),
            )
            .is(201),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_catalog_has_no_trace_of_what_the_caller_may_not_pull() {
    let service = with_secrets();
    let pushed = |name| push_blob(name, b"{}");
    check(
        &service,
        vec![
            pushed("a"),
            pushed("m"),
            pushed("secret"),
            pushed("secret/s"),
            row("all", "GET", "/v2/_catalog").says_json(json!({ "repositories": ["a", "m"] })),
            row("a page", "GET", "/v2/_catalog?n=1")
                .says_json(json!({ "repositories": ["a"] }))
                .has("link", "</v2/_catalog?n=1&last=a>; rel=\"next\""),
            row("the last page", "GET", "/v2/_catalog?n=1&last=a")
                .says_json(json!({ "repositories": ["m"] }))
                .lacks("link"),
            row("after it", "GET", "/v2/_catalog?last=m").says_json(json!({ "repositories": [] })),
            pushed("z"),
            row("across", "GET", "/v2/_catalog?n=1&last=m")
                .says_json(json!({ "repositories": ["z"] }))
                .lacks("link"),
        ],
    )
    .await;
    let closed = guarded(Deny(|access| access.action == Action::Catalog));
    check(&closed, vec![row("none", "GET", "/v2/_catalog").fails(403, "DENIED")]).await;
}

#[tokio::test]
async fn a_push_that_may_not_move_a_tag_stores_nothing() {
    // D21
    let [first, second, third] = ["first", "second", "third"].map(|text| {
        let subject = descriptor(OCI_MANIFEST, b"subject");
        image(json!({ "annotations": { "is": text }, "subject": subject }))
    });
    let by_digest = |manifest: &[u8]| format!("/v2/a/manifests/{}", sha256(manifest));
    let referrers = format!("/v2/a/referrers/{}", sha256(b"subject"));
    let service = guarded(Deny(|access| access.action == Action::Overwrite));
    check(
        &service,
        vec![
            push_blob("a", b"{}"),
            push_manifest("a", "v1", &first),
            push_manifest("a", "v1", &second).fails(403, "DENIED"),
            row("it is not there", "GET", by_digest(&second)).fails(404, "MANIFEST_UNKNOWN"),
            row("the tag stays", "GET", "/v2/a/manifests/v1").says(first.clone()),
            push_manifest("a", "v1", &first),
            push_manifest("a", &format!("{}?tag=v1", sha256(&first)), &first),
            push_manifest("a", &format!("{}?tag=v2&tag=v1", sha256(&third)), &third)
                .fails(403, "DENIED"),
            row("it is not there", "GET", by_digest(&third)).fails(404, "MANIFEST_UNKNOWN"),
            row("nor is the other tag", "GET", "/v2/a/tags/list")
                .says_json(json!({ "name": "a", "tags": ["v1"] })),
        ],
    )
    .await;
    let listed = row("the referrers", "GET", referrers).send(&service).await.json();
    assert_eq!(listed["manifests"].as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(listed["manifests"][0]["digest"], sha256(&first));
    check(
        &service,
        vec![
            push_manifest("a", "v2", &second),
            row("a new tag", "GET", "/v2/a/manifests/v2").says(second.clone()),
            row("a tag is deleted", "DELETE", "/v2/a/manifests/v1").is(202),
            push_manifest("a", "v1", &second),
        ],
    )
    .await;
}
