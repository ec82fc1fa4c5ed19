//! crane, of go-containerregistry.

use super::image::Image;
use super::layout;
use super::program::Program;
use super::recorder::Recorder;
use super::registry::Registry;

pub(crate) fn crane() -> Option<Program> {
    Program::find("crane", "go install github.com/google/go-containerregistry/cmd/crane@v0.22.1")
}

#[tokio::test]
async fn crane_pushes_and_pulls_an_image() {
    let Some(crane) = crane() else { return };
    let registry = Registry::start();
    let repository = registry.repository("crane/image");
    let image = Image::new("crane image");
    let (reference, pulled) = (repository.tagged("v1"), crane.home().join("pulled"));
    let layout = layout::write(crane.home(), &image, "v1");
    crane.run(["push".as_ref(), layout.as_os_str(), reference.as_ref()]).await;
    repository.assert_tag("v1", &image).await;
    assert_eq!(crane.run(["digest", &reference]).await.trim(), image.digest());
    crane.run(["validate", "--remote", &reference]).await;
    crane
        .run(["pull".as_ref(), "--format=oci".as_ref(), reference.as_ref(), pulled.as_os_str()])
        .await;
    layout::assert_holds(&pulled, &image);
}

#[tokio::test]
async fn crane_pushes_and_pulls_an_index() {
    let Some(crane) = crane() else { return };
    let registry = Registry::start();
    let repository = registry.repository("crane/index");
    let index = Image::index("crane index");
    let (reference, pulled) = (repository.tagged("v1"), crane.home().join("pulled"));
    let layout = layout::write(crane.home(), &index, "v1");
    crane.run(["push".as_ref(), layout.as_os_str(), reference.as_ref()]).await;
    repository.assert_tag("v1", &index).await;
    crane
        .run(["pull".as_ref(), "--format=oci".as_ref(), reference.as_ref(), pulled.as_os_str()])
        .await;
    layout::assert_holds(&pulled, &index);
    let arm = crane.run(["digest", "--platform=linux/arm64", &reference]).await;
    assert_eq!(arm.trim(), index.children[1].digest());
}

#[tokio::test]
async fn crane_copies_between_repositories_by_mounting() {
    let Some(crane) = crane() else { return };
    let registry = Registry::start();
    let recorder = Recorder::start(&registry.authority).await;
    let proxied = recorder.address.to_string();
    let from = registry.repository("crane/mounted-from").through(&proxied);
    let to = registry.repository("crane/mounted-to").through(&proxied);
    let image = Image::new("crane mount");
    from.push(&image, "v1").await;
    crane.run(["copy", &from.tagged("v1"), &to.tagged("v2")]).await;
    to.assert_tag("v2", &image).await;
    for layer in image.layers() {
        recorder.assert_mounted(&layer.digest);
    }
}

#[tokio::test]
async fn crane_lists_tags_and_repositories_and_deletes() {
    let Some(crane) = crane() else { return };
    let registry = Registry::start();
    let repository = registry.repository("crane/tags");
    let image = Image::new("crane tags");
    repository.push(&image, "b").await;
    crane.run(["tag", &repository.tagged("b"), "a"]).await;
    assert_eq!(crane.run(["ls", &repository.named()]).await, "a\nb\n");
    let catalog = crane.run(["catalog", &registry.authority]).await;
    assert!(catalog.lines().any(|name| name == repository.name), "{catalog}");
    crane.run(["delete", &repository.pinned(image.digest())]).await;
    assert_eq!(crane.run(["ls", &repository.named()]).await, "");
    assert_eq!(repository.status(&format!("manifests/{}", image.digest())).await, 404);
}

#[tokio::test]
async fn crane_pushes_an_artifact_that_refers_to_an_image() {
    let Some(crane) = crane() else { return };
    let registry = Registry::start();
    let repository = registry.repository("crane/artifact");
    let image = Image::new("crane subject");
    let artifact = Image::artifact(&image, "by crane");
    repository.push(&image, "v1").await;
    let layout = layout::write(crane.home(), &artifact, "note");
    crane.run(["push".as_ref(), layout.as_os_str(), repository.tagged("note").as_ref()]).await;
    repository.assert_tag("note", &artifact).await;
    assert_eq!(repository.referrers(image.digest()).await, [artifact.digest()]);
}
