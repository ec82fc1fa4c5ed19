//! buildah: images built from a file and pushed from its own store.

use std::fs;

use super::containers;
use super::program::Program;
use super::recorder::Recorder;
use super::registry::Registry;

/// Builds an image from nothing but a file, with these further arguments.
pub(crate) async fn build(buildah: &Program, further: &[&str]) {
    let context = buildah.home().join("context");
    fs::create_dir_all(&context).expect("a directory");
    fs::write(context.join("hello.txt"), "hello from buildah").expect("a file");
    fs::write(context.join("Containerfile"), "FROM scratch\nCOPY hello.txt /\n").expect("a file");
    let context = context.display().to_string();
    let build = ["build", "--isolation=chroot", "--layers=false"];
    buildah.run(build.iter().chain(further).copied().chain([context.as_str()])).await;
}

/// Pushes what buildah calls `name` to `target`, and returns the digest that buildah computed.
async fn push(buildah: &Program, command: &[&str], name: &str, target: &str) -> String {
    let file = buildah.home().join("digest");
    let digest = format!("--digestfile={}", file.display());
    let target = format!("docker://{target}");
    let further = ["--tls-verify=false", &digest, name, &target];
    buildah.run(command.iter().copied().chain(further)).await;
    fs::read_to_string(file).expect("a digest").trim().to_owned()
}

#[tokio::test]
async fn buildah_builds_pushes_and_pulls_an_image() {
    let Some(buildah) = containers::find_with_store("buildah") else { return };
    let registry = Registry::start();
    let repository = registry.repository("buildah/image");
    let name = repository.tagged("v1");
    build(&buildah, &["--tag", &name]).await;
    let inspect = ["inspect", "--type=image", "--format={{.FromImageID}} {{.FromImageDigest}}"];
    let built = buildah.run(inspect.into_iter().chain([name.as_str()])).await;
    let (built, _) = built.trim().split_once(' ').expect("two fields");
    let digest = push(&buildah, &["push"], &name, &name).await;
    assert_eq!(repository.digest("v1").await, digest);
    assert_eq!(repository.manifest("v1").await["config"]["digest"], format!("sha256:{built}"));
    buildah.run(["rmi", "--all", "--force"]).await;
    buildah.run(["pull", "--tls-verify=false", &name]).await;
    let pulled = buildah.run(inspect.into_iter().chain([name.as_str()])).await;
    assert_eq!(pulled.trim(), format!("{built} {digest}"));
}

#[tokio::test]
async fn buildah_pushes_an_index_of_what_it_built() {
    let Some(buildah) = containers::find_with_store("buildah") else { return };
    let registry = Registry::start();
    let repository = registry.repository("buildah/index");
    for platform in ["linux/amd64", "linux/arm64"] {
        build(&buildah, &["--manifest", "both", "--platform", platform]).await;
    }
    let digest =
        push(&buildah, &["manifest", "push", "--all"], "both", &repository.tagged("v1")).await;
    assert_eq!(repository.digest("v1").await, digest);
    let children = repository.manifest("v1").await["manifests"].as_array().expect("some").clone();
    let platforms: Vec<_> =
        children.iter().map(|c| c["platform"]["architecture"].as_str()).collect();
    assert_eq!(platforms, [Some("amd64"), Some("arm64")]);
    let pinned = repository.pinned(&digest);
    buildah.run(["rmi", "--all", "--force"]).await;
    for child in children {
        let arch = child["platform"]["architecture"].as_str().expect("an architecture");
        let id = buildah.run(["pull", "--quiet", "--tls-verify=false", "--arch", arch, &pinned]);
        let id = format!("sha256:{}", id.await.trim());
        let manifest = repository.manifest(child["digest"].as_str().expect("a digest")).await;
        assert_eq!(manifest["config"]["digest"], id, "{arch}");
    }
}

#[tokio::test]
async fn buildah_pushes_to_a_second_repository_by_mounting() {
    let Some(buildah) = containers::find_with_store("buildah") else { return };
    let registry = Registry::start();
    let recorder = Recorder::start(&registry.authority).await;
    let proxied = recorder.address.to_string();
    let from = registry.repository("buildah/mounted-from").through(&proxied);
    let to = registry.repository("buildah/mounted-to").through(&proxied);
    build(&buildah, &["--tag", "built"]).await;
    push(&buildah, &["push"], "built", &from.tagged("v1")).await;
    let digest = push(&buildah, &["push"], "built", &to.tagged("v1")).await;
    assert_eq!(to.digest("v1").await, digest);
    for layer in to.manifest("v1").await["layers"].as_array().expect("layers") {
        recorder.assert_mounted(layer["digest"].as_str().expect("a digest"));
    }
}
