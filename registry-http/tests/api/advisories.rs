//! What went wrong in other registries, each under its number: it must not go wrong here.

use registry_adapters::{
    filesystem::{Durability, Filesystem, Options},
    system::{SystemClock, SystemRandom},
};
use registry_core::{
    access::Action,
    policy::{AllowAll, PolicyFile, ReadOnly},
    ports::Authorizer,
    registry::Registry,
};
use registry_http::RegistryService;
use serde_json::json;
use tempfile::TempDir;

use super::{fakes::*, support::*};

/// A service over what is in this directory, which keeps in memory what it read.
fn on_a_filesystem(directory: &TempDir, authorizer: impl Authorizer) -> RegistryService {
    let options = Options::new(Durability::ProcessSafe);
    let store = Filesystem::open(directory.path(), options).expect("it opens");
    let (contents, records) = (store.contents(), store.records());
    let (clock, random) = (SystemClock::new(), SystemRandom);
    let registry = Registry::builder(contents, records, authorizer, clock, random).build();
    RegistryService::new(registry, clock, random)
}

/// distribution reserved memory for as many repositories as the client said.
#[tokio::test]
async fn cve_2023_2253_a_page_is_as_long_as_what_is_there_whatever_is_asked() {
    let service = open_service();
    let manifest = image(json!({}));
    check(&service, vec![push_blob("a", b"{}"), push_manifest("a", "v1", &manifest)]).await;
    let referrers = format!("/v2/a/referrers/{}", sha256(&manifest));
    for n in ["2147483648", "4294967296", "9223372036854775807", "18446744073709551616"] {
        let n = |path: &str| row("a page", "GET", format!("{path}?n={n}"));
        check(
            &service,
            vec![
                n("/v2/_catalog").says_json(json!({ "repositories": ["a"] })),
                n("/v2/a/tags/list").says_json(json!({ "name": "a", "tags": ["v1"] })),
                n(&referrers),
            ],
        )
        .await;
    }
    for n in ["-1", "-9223372036854775808", "1e9", "0x10", "abc"] {
        let n = |path: &str| row(n, "GET", format!("{path}?n={n}")).fails(400, "UNSUPPORTED");
        check(&service, vec![n("/v2/_catalog"), n("/v2/a/tags/list")]).await;
    }
}

/// zot gave a blob of its cache to whoever knew its digest, in any repository of theirs.
#[tokio::test]
async fn cve_2024_39897_a_blob_of_another_repository_is_neither_there_nor_mounted() {
    let service = service(&mint());
    let (digest, manifest) = (sha256("{}"), image(json!({})));
    let as_alice = |row: Row| row.with("authorization", ALICE);
    let as_bob = |row: Row| row.with("authorization", BOB);
    check(
        &service,
        vec![
            as_alice(push_blob("secret", b"{}")),
            as_alice(push_manifest("secret", "v1", &manifest)),
            as_bob(push_blob("shared", b"other")),
        ],
    )
    .await;
    let blob = |name: &str| format!("/v2/{name}/blobs/{digest}");
    let by_digest = format!("/v2/shared/manifests/{}", sha256(&manifest));
    let mount = |query: &str| {
        let path = format!("/v2/shared/blobs/uploads/?mount={digest}{query}");
        as_bob(row("a mount", "POST", path)).is(202)
    };
    for method in ["HEAD", "GET"] {
        let get = |path: &str| as_bob(row("a read", method, path));
        check(
            &service,
            vec![
                get(&blob("secret")).fails(403, "DENIED"),
                get(&blob("shared")).fails(404, "BLOB_UNKNOWN"),
                get(&by_digest).fails(404, "MANIFEST_UNKNOWN"),
                mount("&from=secret"),
                mount(""),
                get(&blob("shared")).fails(404, "BLOB_UNKNOWN"),
            ],
        )
        .await;
    }
    // Nor does a manifest bring it along.
    let refers = push_manifest("shared", "v1", &manifest).fails(400, "MANIFEST_BLOB_UNKNOWN");
    check(&service, vec![as_bob(refers), as_bob(push_blob("shared", b"{}"))]).await;
    check(&service, vec![as_bob(row("their own", "GET", blob("shared"))).says("{}")]).await;
}

/// distribution found a blob in its cache after it was deleted in one repository, if somebody had
/// read it in another meanwhile.
#[tokio::test]
async fn cve_2026_35172_what_is_deleted_here_stays_so_though_it_is_read_elsewhere() {
    let directory = TempDir::new().expect("a directory");
    let manifest = image(json!({}));
    for service in [open_service(), on_a_filesystem(&directory, AllowAll)] {
        for name in ["a", "b"] {
            let pushed = vec![push_blob(name, b"{}"), push_manifest(name, "v1", &manifest)];
            check(&service, pushed).await;
        }
        let [of_manifest, of_blob] = [("manifests", sha256(&manifest)), ("blobs", sha256("{}"))]
            .map(|(kind, digest)| move |name: &str| format!("/v2/{name}/{kind}/{digest}"));
        for (path, unknown) in [
            (&of_manifest as &dyn Fn(&str) -> String, "MANIFEST_UNKNOWN"),
            (&of_blob, "BLOB_UNKNOWN"),
        ] {
            let get = |name: &str| row("a read", "GET", path(name));
            let look = |name: &str| row("a look", "HEAD", path(name));
            check(
                &service,
                vec![
                    get("a"),
                    get("b"),
                    row("a deletion", "DELETE", path("a")).is(202),
                    look("b"),
                    get("b"),
                    look("a").fails(404, unknown),
                    get("a").fails(404, unknown),
                    get("b"),
                ],
            )
            .await;
        }
    }
}

/// zot let whoever might create, and no more, move `latest`.
#[tokio::test]
async fn cve_2026_31801_whoever_may_only_create_moves_no_tag() {
    let policy = json!({"rule": [{
        "who": ["everybody"],
        "repositories": ["**"],
        "actions": ["pull", "push", "create"],
    }]});
    let policy: PolicyFile = serde_json::from_value(policy).expect("a policy");
    let service = guarded(policy);
    let [first, second] =
        ["first", "second"].map(|text| image(json!({ "annotations": { "is": text } })));
    check(&service, vec![push_blob("a", b"{}")]).await;
    for tag in ["latest", "v1", "Latest"] {
        let path = format!("/v2/a/manifests/{tag}");
        let by_digest = format!("{}?tag={tag}", sha256(&second));
        check(
            &service,
            vec![
                push_manifest("a", tag, &first),
                push_manifest("a", tag, &second).fails(403, "DENIED"),
                push_manifest("a", &by_digest, &second).fails(403, "DENIED"),
                row("the tag stays", "GET", path).says(first.clone()),
            ],
        )
        .await;
    }
}

/// distribution deleted tags though deleting was switched off.
#[tokio::test]
async fn cve_2026_41888_a_switch_against_deleting_holds_on_every_path() {
    let manifest = image(json!({}));
    let (by_digest, blob) = (sha256(&manifest), sha256("{}"));
    let paths = [
        "/v2/a/manifests/v1".to_owned(),
        format!("/v2/a/manifests/{by_digest}"),
        format!("/v2/a/manifests/{}", by_digest.replace(':', "%3A")),
        format!("/v2/a/blobs/{blob}"),
        format!("/v2/a/blobs/{}", blob.replace(':', "%3a")),
    ];
    let directory = TempDir::new().expect("a directory");
    check(
        &on_a_filesystem(&directory, AllowAll),
        vec![push_blob("a", b"{}"), push_manifest("a", "v1", &manifest)],
    )
    .await;
    let denied = on_a_filesystem(&directory, Deny(|access| access.action == Action::Delete));
    for path in &paths {
        let there = row("it stays", "GET", path);
        let deletion = row("a deletion", "DELETE", path).fails(403, "DENIED");
        check(&denied, vec![deletion, there]).await;
    }
    drop(denied);
    let unsupported = on_a_filesystem(&directory, ReadOnly(AllowAll));
    for path in &paths {
        let there = row("it stays", "GET", path);
        let deletion = row("a deletion", "DELETE", path).fails(405, "UNSUPPORTED");
        check(&unsupported, vec![deletion, there]).await;
    }
}
