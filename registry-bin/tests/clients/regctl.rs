//! regctl, of regclient.

use std::path::Path;

use super::image::{ARTIFACT, Image};
use super::layout;
use super::program::Program;
use super::recorder::Recorder;
use super::registry::Registry;

pub(crate) const INSTALL: &str = "go install github.com/regclient/regclient/cmd/regctl@v0.11.7";

fn regctl(authority: &str) -> Option<Program> {
    let host = format!("reg={authority},tls=disabled");
    Some(Program::find("regctl", INSTALL)?.always(["--host", &host]))
}

pub(crate) fn ocidir(path: &Path, tag: &str) -> String {
    format!("ocidir://{}:{tag}", path.display())
}

/// Pushes `image` from a layout, and pulls it into another one.
async fn round_trip(name: &str, image: &Image) {
    let registry = Registry::start();
    let Some(regctl) = regctl(&registry.authority) else { return };
    let repository = registry.repository(name);
    let layout = layout::write(regctl.home(), image, "v1");
    let pulled = regctl.home().join("pulled");
    let reference = repository.tagged("v1");
    regctl.run(["image", "copy", &ocidir(&layout, "v1"), &reference]).await;
    repository.assert_tag("v1", image).await;
    regctl.run(["image", "copy", &reference, &ocidir(&pulled, "v1")]).await;
    layout::assert_holds(&pulled, image);
    let digest = regctl.run(["image", "digest", &reference]).await;
    assert_eq!(digest.trim(), image.digest());
}

#[tokio::test]
async fn regctl_pushes_and_pulls_an_image() {
    round_trip("regctl/image", &Image::new("regctl image")).await;
}

#[tokio::test]
async fn regctl_pushes_and_pulls_an_index() {
    round_trip("regctl/index", &Image::index("regctl index")).await;
}

#[tokio::test]
async fn regctl_pushes_and_pulls_a_sha512_image() {
    round_trip("regctl/sha512", &Image::sha512("regctl sha512")).await;
}

#[tokio::test]
async fn regctl_copies_between_repositories_by_mounting() {
    let registry = Registry::start();
    let recorder = Recorder::start(&registry.authority).await;
    let proxied = recorder.address.to_string();
    let Some(regctl) = regctl(&proxied) else { return };
    let from = registry.repository("regctl/mounted-from").through(&proxied);
    let to = registry.repository("regctl/mounted-to").through(&proxied);
    let image = Image::new("regctl mount");
    from.push(&image, "v1").await;
    regctl.run(["image", "copy", &from.tagged("v1"), &to.tagged("v2")]).await;
    to.assert_tag("v2", &image).await;
    for blob in &image.blobs {
        recorder.assert_mounted(&blob.digest);
    }
}

#[tokio::test]
async fn regctl_pushes_a_blob_in_chunks() {
    let registry = Registry::start();
    let Some(regctl) = regctl(&registry.authority) else { return };
    let repository = registry.repository("regctl/chunks");
    let set = ["registry", "set", &registry.authority, "--tls=disabled", "--skip-check"];
    regctl.run(set.into_iter().chain(["--blob-chunk=65536", "--blob-max=65536"])).await;
    let image = Image::new("regctl chunks");
    let layer = &image.layers()[1];
    let digest = regctl.feed(&layer.bytes, ["blob", "put", &repository.named()]).await;
    assert_eq!(digest.trim_ascii(), layer.digest.as_bytes());
    let fetched = regctl.feed("", ["blob", "get", &repository.named(), &layer.digest]).await;
    assert!(fetched == layer.bytes, "the blob came back changed");
    regctl.run(["blob", "delete", &repository.named(), &layer.digest]).await;
    assert_eq!(repository.status(&format!("blobs/{}", layer.digest)).await, 404);
}

#[tokio::test]
async fn regctl_lists_tags_and_deletes_one_of_them_or_the_manifest() {
    let registry = Registry::start();
    let Some(regctl) = regctl(&registry.authority) else { return };
    let repository = registry.repository("regctl/tags");
    let image = Image::new("regctl tags");
    for tag in ["a", "b", "c"] {
        repository.push(&image, tag).await;
    }
    regctl.run(["tag", "delete", &repository.tagged("b")]).await;
    assert_eq!(regctl.run(["tag", "ls", &repository.named()]).await, "a\nc\n");
    repository.assert_tag("a", &image).await;
    regctl.run(["manifest", "delete", &repository.pinned(image.digest())]).await;
    assert_eq!(repository.status("manifests/a").await, 404);
    let repositories = regctl.run(["repo", "ls", &registry.authority]).await;
    assert!(repositories.lines().any(|name| name == repository.name), "{repositories}");
}

#[tokio::test]
async fn regctl_attaches_an_artifact_and_finds_it_by_its_subject() {
    let registry = Registry::start();
    let Some(regctl) = regctl(&registry.authority) else { return };
    let repository = registry.repository("regctl/artifact");
    let (image, subject) = (Image::new("regctl subject"), repository.tagged("v1"));
    repository.push(&image, "v1").await;
    let put = ["artifact", "put", "--artifact-type", ARTIFACT, "--subject", &subject];
    let put = put.into_iter().chain(["--format", "{{.Manifest.GetDescriptor.Digest}}"]);
    let artifact = String::from_utf8(regctl.feed("by regctl", put).await).expect("a digest");
    assert_eq!(repository.referrers(image.digest()).await, [artifact.trim()]);
    let by_type = ["artifact", "list", &subject, "--filter-artifact-type"];
    let digests = ["--format", "{{range .Descriptors}}{{.Digest}}{{end}}"];
    let found = regctl.run(by_type.into_iter().chain([ARTIFACT]).chain(digests)).await;
    assert_eq!(found.trim(), artifact.trim());
    let none = regctl.run(by_type.into_iter().chain(["application/other"]).chain(digests)).await;
    assert_eq!(none.trim(), "");
    let pinned = repository.pinned(artifact.trim());
    assert_eq!(regctl.run(["artifact", "get", &pinned]).await, "by regctl");
    let pulled = regctl.home().join("pulled");
    regctl.run(["image", "copy", "--referrers", &subject, &ocidir(&pulled, "v1")]).await;
    let hex = artifact.trim().trim_start_matches("sha256:");
    assert!(pulled.join("blobs/sha256").join(hex).is_file(), "{artifact} was not copied along");
}
