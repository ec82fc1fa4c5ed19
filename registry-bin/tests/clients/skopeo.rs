//! skopeo, which copies between layouts and registries.

use std::path::Path;

use serde_json::Value;

use super::containers;
use super::image::Image;
use super::layout;
use super::recorder::Recorder;
use super::registry::Registry;

pub(crate) const COPY: [&str; 4] =
    ["copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false"];

pub(crate) fn oci(path: &Path, tag: &str) -> String {
    format!("oci:{}:{tag}", path.display())
}

pub(crate) fn docker(reference: &str) -> String {
    format!("docker://{reference}")
}

/// Pushes `image` from a layout, and pulls it into another one.
async fn round_trip(name: &str, image: &Image) {
    let Some(skopeo) = containers::find("skopeo") else { return };
    let registry = Registry::start();
    let repository = registry.repository(name);
    let layout = layout::write(skopeo.home(), image, "v1");
    let pulled = skopeo.home().join("pulled");
    let remote = docker(&repository.tagged("v1"));
    skopeo.run(COPY.into_iter().chain([oci(&layout, "v1").as_str(), &remote])).await;
    repository.assert_tag("v1", image).await;
    skopeo.run(COPY.into_iter().chain([remote.as_str(), &oci(&pulled, "v1")])).await;
    layout::assert_holds(&pulled, image);
}

#[tokio::test]
async fn skopeo_pushes_and_pulls_an_image() {
    round_trip("skopeo/image", &Image::new("skopeo image")).await;
}

#[tokio::test]
async fn skopeo_pushes_and_pulls_an_index() {
    round_trip("skopeo/index", &Image::index("skopeo index")).await;
}

#[tokio::test]
async fn skopeo_copies_between_repositories_by_mounting() {
    let Some(skopeo) = containers::find("skopeo") else { return };
    let registry = Registry::start();
    let recorder = Recorder::start(&registry.authority).await;
    let proxied = recorder.address.to_string();
    let from = registry.repository("skopeo/mounted-from").through(&proxied);
    let to = registry.repository("skopeo/mounted-to").through(&proxied);
    let image = Image::new("skopeo mount");
    // skopeo mounts what it remembers to have seen somewhere.
    let layout = layout::write(skopeo.home(), &image, "v1");
    let local = oci(&layout, "v1");
    let [from, target] = [from.tagged("v1"), to.tagged("v2")].map(|name| docker(&name));
    skopeo.run(COPY.into_iter().chain([local.as_str(), &from])).await;
    skopeo.run(COPY.into_iter().chain([from.as_str(), &target])).await;
    to.assert_tag("v2", &image).await;
    for layer in image.layers() {
        recorder.assert_mounted(&layer.digest);
    }
}

#[tokio::test]
async fn skopeo_lists_tags_and_deletes() {
    let Some(skopeo) = containers::find("skopeo") else { return };
    let registry = Registry::start();
    let repository = registry.repository("skopeo/tags");
    let image = Image::new("skopeo tags");
    repository.push(&image, "b").await;
    repository.push(&image, "a").await;
    let list = ["list-tags", "--tls-verify=false", &docker(&repository.named())];
    let tags: Value = serde_json::from_str(&skopeo.run(list).await).expect("JSON");
    assert_eq!(tags["Tags"], serde_json::json!(["a", "b"]));
    let remote = docker(&repository.tagged("a"));
    let raw = skopeo.feed("", ["inspect", "--raw", "--tls-verify=false", &remote]).await;
    assert_eq!(raw, image.manifest.bytes);
    skopeo.run(["delete", "--tls-verify=false", &remote]).await;
    assert_eq!(repository.status(&format!("manifests/{}", image.digest())).await, 404);
    assert_eq!(repository.status("manifests/b").await, 404);
}

#[tokio::test]
async fn skopeo_copies_an_artifact_that_refers_to_an_image() {
    let Some(skopeo) = containers::find("skopeo") else { return };
    let registry = Registry::start();
    let repository = registry.repository("skopeo/artifact");
    let image = Image::new("skopeo subject");
    let artifact = Image::artifact(&image, "by skopeo");
    repository.push(&image, "v1").await;
    let layout = layout::write(skopeo.home(), &artifact, "note");
    let remote = docker(&repository.tagged("note"));
    skopeo.run(COPY.into_iter().chain([oci(&layout, "note").as_str(), &remote])).await;
    repository.assert_tag("note", &artifact).await;
    assert_eq!(repository.referrers(image.digest()).await, [artifact.digest()]);
}
