//! Tags, referrers and the catalog: D16, D17, D19, D20.

use serde_json::json;

use super::support::*;

#[tokio::test]
async fn tags_are_listed_in_byte_order_page_by_page() {
    let manifest = image(json!({}));
    let mut rows = vec![push_blob("a", b"{}")];
    rows.extend(["b", "B", "a", "_", "1"].map(|tag| push_manifest("a", tag, &manifest)));
    let list = |does, query: &str| row(does, "GET", format!("/v2/a/tags/list{query}"));
    let tags = |tags: &[&str]| json!({ "name": "a", "tags": tags });
    let next = |query: &str| format!("</v2/a/tags/list?{query}>; rel=\"next\"");
    rows.extend([
        list("all", "")
            .has("content-type", "application/json")
            .lacks("link")
            .says_json(tags(&["1", "B", "_", "a", "b"])),
        list("a page", "?n=2").has("link", next("n=2&last=B")).says_json(tags(&["1", "B"])),
        list("the next", "?n=2&last=B")
            .has("link", next("n=2&last=a"))
            .says_json(tags(&["_", "a"])),
        list("the last", "?n=2&last=a").lacks("link").says_json(tags(&["b"])),
        list("a full last page", "?n=5").lacks("link").says_json(tags(&["1", "B", "_", "a", "b"])),
        list("none", "?n=0").lacks("link").says_json(tags(&[])),
        list("after what is no tag", "?last=C%20").says_json(tags(&["_", "a", "b"])),
        list("more than can be", "?n=99999999999999999999").lacks("link"),
        list("a negative number", "?n=-1").fails(400, "UNSUPPORTED"),
        list("no number", "?n=abc").fails(400, "UNSUPPORTED"),
        row("its HEAD", "HEAD", "/v2/a/tags/list").has("content-type", "application/json"),
        row("an unknown repository", "GET", "/v2/b/tags/list").fails(404, "NAME_UNKNOWN"),
        push_blob("blobs-only", b"{}"),
        row("a repository without tags", "GET", "/v2/blobs-only/tags/list")
            .says_json(json!({ "name": "blobs-only", "tags": [] })),
    ]);
    check(&open_service(), rows).await;
}

#[tokio::test]
async fn repositories_are_listed_page_by_page() {
    let list = |does, query: &str| row(does, "GET", format!("/v2/_catalog{query}"));
    let names = |names: &[&str]| json!({ "repositories": names });
    check(
        &open_service(),
        vec![
            list("none", "").says_json(names(&[])),
            push_blob("b", b"{}"),
            push_blob("a/c", b"{}"),
            push_blob("a", b"{}"),
            list("all", "")
                .has("content-type", "application/json")
                .says_json(names(&["a", "a/c", "b"])),
            list("a page", "?n=2")
                .has("link", "</v2/_catalog?n=2&last=a%2Fc>; rel=\"next\"")
                .says_json(names(&["a", "a/c"])),
            list("the last", "?n=2&last=a%2Fc").lacks("link").says_json(names(&["b"])),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_referrer_is_one_in_its_own_repository_alone() {
    let service = open_service();
    let subject = image(json!({}));
    let referrer = image(json!({ "subject": descriptor(OCI_MANIFEST, &subject) }));
    let path = |name: &str| format!("/v2/{name}/referrers/{}", sha256(&subject));
    check(
        &service,
        vec![
            push_blob("a", b"{}"),
            push_manifest("a", "v1", &subject),
            push_blob("b", b"{}"),
            push_manifest("b", &sha256(&referrer), &referrer),
        ],
    )
    .await;
    for (name, listed) in [("a", 0), ("b", 1)] {
        let index = row("the referrers", "GET", path(name)).send(&service).await.json();
        assert_eq!(index["manifests"].as_array().map(Vec::len), Some(listed), "{name}: {index}");
    }
}

#[tokio::test]
async fn referrers_are_an_index() {
    let subject = image(json!({}));
    let digest = sha256(&subject);
    let refer = |kind: &str| {
        image(json!({
            "subject": descriptor(OCI_MANIFEST, &subject),
            "artifactType": kind,
            "annotations": { "kind": kind },
        }))
    };
    let entry = |kind: &str| {
        let manifest = refer(kind);
        json!({
            "mediaType": OCI_MANIFEST,
            "digest": sha256(&manifest),
            "size": manifest.len(),
            "artifactType": kind,
            "annotations": { "kind": kind },
        })
    };
    let index = |entries: Vec<serde_json::Value>| json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries });
    let (one, two) = ("application/one+json", "application/two");
    let list = |does, query: &str| {
        row(does, "GET", format!("/v2/a/referrers/{digest}{query}")).has("content-type", OCI_INDEX)
    };
    let service = open_service();
    check(
        &service,
        vec![
            list("of an unknown repository", "").says_json(index(vec![])),
            row("of no digest", "GET", "/v2/a/referrers/none").fails(400, "DIGEST_INVALID"),
            push_blob("a", b"{}"),
            push_manifest("a", &sha256(refer(one)), &refer(one)).has("oci-subject", digest.clone()),
            push_manifest("a", "two", &refer(two)).has("oci-subject", digest.clone()),
            list("of one type", "?artifactType=application%2Fone%2Bjson")
                .has("oci-filters-applied", "artifactType")
                .says_json(index(vec![entry(one)])),
            list("with a bare plus", "?artifactType=application/one+json")
                .has("oci-filters-applied", "artifactType")
                .says_json(index(vec![entry(one)])),
            list("of no type", "?artifactType=").lacks("oci-filters-applied"),
            list("of an unknown type", "?artifactType=a/b").says_json(index(vec![])),
        ],
    )
    .await;

    let all = list("all", "").send(&service).await.json();
    assert_eq!(all["manifests"].as_array().map(Vec::len), Some(2));
    let page = list("a page", "?n=1").send(&service).await;
    assert_eq!(page.json()["manifests"], json!([all["manifests"][0]]));
    let link = page.header("link");
    let (next, relation) = link.split_once('>').expect("a link");
    assert_eq!(relation, "; rel=\"next\"");
    let next = row("the next page", "GET", &next[1..]).send(&service).await;
    assert_eq!(next.json()["manifests"], json!([all["manifests"][1]]));
    assert_eq!(next.header("link"), "");
}

#[tokio::test]
async fn a_long_listing_is_streamed() {
    let manifest = image(json!({}));
    let digest = sha256(&manifest);
    let service = open_service();
    let tag = |i: usize| format!("{}{i:04}", "t".repeat(100));
    let mut rows = vec![push_blob("a", b"{}")];
    for hundred in 0..10 {
        let tags: Vec<_> = (0..100).map(|i| format!("tag={}", tag(hundred * 100 + i))).collect();
        rows.push(push_manifest("a", &format!("{digest}?{}", tags.join("&")), &manifest));
    }
    check(&service, rows).await;
    let all = row("all", "GET", "/v2/a/tags/list").send(&service).await;
    assert_eq!(all.headers.get("content-length"), None);
    let expected: Vec<_> = (0..1000).map(tag).collect();
    assert_eq!(all.json(), json!({ "name": "a", "tags": expected }));
}
