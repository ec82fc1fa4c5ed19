//! podman, with an image store of its own for each test.

use std::fs;

use super::containers;
use super::image::Image;
use super::layout;
use super::program::Program;
use super::recorder::Recorder;
use super::registry::{Registry, Repository};

pub(crate) fn podman() -> Option<Program> {
    let podman = containers::find_with_store("podman")?;
    let tmpdir = format!("--tmpdir={}", podman.home().join("libpod").display());
    Some(podman.always([tmpdir.as_str(), "--events-backend=none", "--cgroup-manager=cgroupfs"]))
}

/// Takes `image` into podman's store, as `name`.
pub(crate) async fn load(podman: &Program, image: &Image, name: &str) {
    let archive = layout::archive(podman.home(), image, "loaded");
    podman.run(["load".as_ref(), "--input".as_ref(), archive.as_os_str()]).await;
    podman.run(["tag", &hex(&image.config().digest), name]).await;
}

/// Pushes what podman calls `name` there, and returns the digest that podman computed.
async fn push(podman: &Program, name: &str) -> String {
    let file = podman.home().join("digest");
    let digest = format!("--digestfile={}", file.display());
    podman.run(["push", "--tls-verify=false", "--format=oci", &digest, name]).await;
    fs::read_to_string(file).expect("a digest")
}

async fn inspect(podman: &Program, name: &str, field: &str) -> String {
    let format = format!("--format={{{{.{field}}}}}");
    podman.run(["image", "inspect", &format, name]).await.trim().to_owned()
}

/// The part of a digest that podman calls an image by.
fn hex(digest: &str) -> String {
    digest.trim_start_matches("sha256:").to_owned()
}

async fn assert_pulled(podman: &Program, repository: &Repository, image: &Image, digest: &str) {
    let name = repository.tagged("v1");
    podman.run(["rmi", "--all", "--force"]).await;
    podman.run(["pull", "--tls-verify=false", &name]).await;
    assert_eq!(inspect(podman, &name, "Digest").await, digest);
    assert_eq!(inspect(podman, &name, "Id").await, hex(&image.config().digest));
}

#[tokio::test]
async fn podman_pushes_and_pulls_an_image() {
    let Some(podman) = podman() else { return };
    let registry = Registry::start();
    let repository = registry.repository("podman/image");
    let image = Image::new("podman image");
    let name = repository.tagged("v1");
    load(&podman, &image, &name).await;
    // podman compresses the layers anew: the manifest is its own, the config is ours.
    let digest = push(&podman, &name).await;
    assert_eq!(repository.digest("v1").await, digest);
    assert_eq!(repository.manifest("v1").await["config"]["digest"], *image.config().digest);
    assert_pulled(&podman, &repository, &image, &digest).await;
}

#[tokio::test]
async fn podman_pulls_an_image_that_another_client_pushed() {
    let Some(podman) = podman() else { return };
    let registry = Registry::start();
    let repository = registry.repository("podman/foreign");
    let image = Image::new("podman foreign");
    repository.push(&image, "v1").await;
    assert_pulled(&podman, &repository, &image, image.digest()).await;
}

#[tokio::test]
async fn podman_pushes_and_pulls_an_index() {
    let Some(podman) = podman() else { return };
    let registry = Registry::start();
    let repository = registry.repository("podman/index");
    let index = Image::index("podman index");
    let [amd, arm] = [&index.children[0], &index.children[1]];
    repository.push(amd, "amd64").await;
    repository.push(arm, "arm64").await;
    podman.run(["manifest", "create", "both"]).await;
    for tag in ["amd64", "arm64"] {
        let child = format!("docker://{}", repository.tagged(tag));
        podman.run(["manifest", "add", "--tls-verify=false", "both", &child]).await;
    }
    let target = format!("docker://{}", repository.tagged("v1"));
    let all = ["manifest", "push", "--all", "--format=oci", "--tls-verify=false"];
    podman.run(all.into_iter().chain(["both", &target])).await;
    let pushed = repository.manifest("v1").await;
    let children = pushed["manifests"].as_array().expect("manifests").iter();
    let children: Vec<_> = children.map(|child| child["digest"].as_str()).collect();
    assert_eq!(children, [Some(amd.digest()), Some(arm.digest())]);
    for (arch, child) in [("amd64", amd), ("arm64", arm)] {
        podman.run(["pull", "--tls-verify=false", "--arch", arch, &repository.tagged("v1")]).await;
        let id = inspect(&podman, &repository.tagged("v1"), "Id").await;
        assert_eq!(id, hex(&child.config().digest), "{arch}");
    }
}

#[tokio::test]
async fn podman_pushes_to_a_second_repository_by_mounting() {
    let Some(podman) = podman() else { return };
    let registry = Registry::start();
    let recorder = Recorder::start(&registry.authority).await;
    let proxied = recorder.address.to_string();
    let from = registry.repository("podman/mounted-from").through(&proxied);
    let to = registry.repository("podman/mounted-to").through(&proxied);
    let image = Image::new("podman mount");
    load(&podman, &image, &from.tagged("v1")).await;
    push(&podman, &from.tagged("v1")).await;
    podman.run(["tag", &from.tagged("v1"), &to.tagged("v1")]).await;
    let digest = push(&podman, &to.tagged("v1")).await;
    assert_eq!(to.digest("v1").await, digest);
    for layer in to.manifest("v1").await["layers"].as_array().expect("layers") {
        recorder.assert_mounted(layer["digest"].as_str().expect("a digest"));
    }
}

#[tokio::test]
async fn podman_lists_tags() {
    let Some(podman) = podman() else { return };
    let registry = Registry::start();
    let repository = registry.repository("podman/tags");
    let image = Image::new("podman tags");
    repository.push(&image, "b").await;
    repository.push(&image, "a").await;
    let list = ["search", "--tls-verify=false", "--list-tags", &repository.named()];
    let table = podman.run(list).await;
    let tags: Vec<_> = table.lines().skip(1).map(|line| line.split_whitespace().last()).collect();
    assert_eq!(tags, [Some("a"), Some("b")], "{table}");
}
