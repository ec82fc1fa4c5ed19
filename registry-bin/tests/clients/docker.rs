//! docker, with a dockerd that the test starts.

use std::fs::File;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::json;

use super::containerd::Containerd;
use super::image::Image;
use super::program::Program;
use super::recorder::Recorder;
use super::registry::{Registry, Repository};
use crate::support::daemon::Daemon;

const INSTALL: &str = "apt-get install docker.io";

/// A dockerd of this test's own, without a network: it only pushes and pulls.
#[derive(Debug)]
pub(crate) struct Dockerd {
    // Dropped in this order: the daemon ends before its containerd and its directories.
    _daemon: Daemon,
    _containerd: Containerd,
    _home: Program,
}

pub(crate) fn docker() -> Option<(Program, Dockerd)> {
    let docker = Program::find("docker", INSTALL)?;
    let dockerd = Program::find_as_root("dockerd", INSTALL)?;
    let containerd = Containerd::start()?;
    let home = dockerd.home().display().to_string();
    let host = format!("unix://{home}/socket");
    let mut command = dockerd.command();
    command.args(["--bridge=none", "--iptables=false", "--ip6tables=false"]);
    command.args(["--storage-driver=vfs", "--host", &host, "--containerd", &containerd.socket]);
    for place in ["data-root", "exec-root", "pidfile"] {
        command.arg(format!("--{place}={home}/{place}"));
    }
    let listening = |line: &str| line.contains("API listen on").then_some(());
    let (daemon, ()) = Daemon::start(&mut command, Signal::TERM, listening);
    let docker = docker.always(["--host", &host]);
    Some((docker, Dockerd { _daemon: daemon, _containerd: containerd, _home: dockerd }))
}

/// Writes `image` in the form that `docker load` reads.
pub(crate) fn archive(docker: &Program, image: &Image, name: &str) -> PathBuf {
    let path = docker.home().join("docker-archive.tar");
    let mut archive = tar::Builder::new(File::create(&path).expect("a file"));
    let mut add = |path: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, bytes).expect("an archive");
    };
    let layers = image.layers().iter().map(|layer| format!("{}.tar", hex(&layer.digest)));
    let layers: Vec<_> = layers.collect();
    let manifest = json!([{"Config": "config.json", "RepoTags": [name], "Layers": layers}]);
    add("config.json", &image.config().bytes);
    add("manifest.json", manifest.to_string().as_bytes());
    for (name, layer) in layers.iter().zip(image.layers()) {
        add(name, &layer.bytes);
    }
    archive.finish().expect("an archive");
    path
}

fn hex(digest: &str) -> &str {
    digest.trim_start_matches("sha256:")
}

/// Takes `image` into docker's store as a tag of `repository`, and pushes it. The manifest that
/// docker makes is its own; the config is the image's.
async fn push(docker: &Program, image: &Image, repository: &Repository, tag: &str) {
    let name = repository.tagged(tag);
    let archive = archive(docker, image, &name);
    docker.run(["load".as_ref(), "--input".as_ref(), archive.as_os_str()]).await;
    docker.run(["push", &name]).await;
    assert_eq!(repository.manifest(tag).await["config"]["digest"], *image.config().digest);
}

/// Asserts that docker has `image` under this name, and that it is `digest` in the registry.
async fn assert_pulled(docker: &Program, name: &str, image: &Image, digest: &str) {
    let inspect = ["image", "inspect", "--format={{.Id}} {{json .RepoDigests}}", name];
    let found = docker.run(inspect).await;
    assert!(found.starts_with(&image.config().digest), "{found}");
    assert!(found.contains(digest), "{found}");
}

#[tokio::test]
async fn docker_pushes_and_pulls_an_image() {
    let Some((docker, _dockerd)) = docker() else { return };
    let registry = Registry::start();
    let repository = registry.repository("docker/image");
    let image = Image::new("docker image");
    let name = repository.tagged("v1");
    push(&docker, &image, &repository, "v1").await;
    let digest = repository.digest("v1").await;
    docker.run(["rmi", &name]).await;
    assert_eq!(docker.run(["images", "--all", "--quiet"]).await, "");
    docker.run(["pull", &name]).await;
    assert_pulled(&docker, &name, &image, &digest).await;
}

#[tokio::test]
async fn docker_pushes_and_pulls_a_manifest_list() {
    let Some((docker, _dockerd)) = docker() else { return };
    let registry = Registry::start();
    let repository = registry.repository("docker/list");
    let index = Image::index("docker list");
    let (list, children) = (repository.tagged("v1"), ["amd64", "arm64"]);
    for (tag, child) in children.into_iter().zip(&index.children) {
        push(&docker, child, &repository, tag).await;
    }
    let [amd, arm] = children.map(|tag| repository.tagged(tag));
    docker.run(["manifest", "create", "--insecure", &list, &amd, &arm]).await;
    let digest = docker.run(["manifest", "push", "--insecure", &list]).await;
    assert_eq!(repository.digest("v1").await, digest.trim());
    docker.run(["rmi", &amd, &arm]).await;
    for (arch, child) in children.into_iter().zip(&index.children) {
        docker.run(["pull", "--platform", &format!("linux/{arch}"), &list]).await;
        assert_pulled(&docker, &list, child, digest.trim()).await;
        // docker keeps one image for a digest, so the next platform needs its room.
        docker.run(["rmi", &list]).await;
    }
}

#[tokio::test]
async fn docker_pulls_an_oci_index_that_another_client_pushed() {
    let Some((docker, _dockerd)) = docker() else { return };
    let registry = Registry::start();
    let repository = registry.repository("docker/foreign");
    let index = Image::index("docker foreign");
    repository.push(&index, "v1").await;
    let pinned = repository.pinned(index.digest());
    docker.run(["pull", "--platform=linux/amd64", &pinned]).await;
    assert_pulled(&docker, &pinned, &index.children[0], index.digest()).await;
}

#[tokio::test]
async fn docker_pushes_to_a_second_repository_by_mounting() {
    let Some((docker, _dockerd)) = docker() else { return };
    let registry = Registry::start();
    let recorder = Recorder::start(&registry.authority).await;
    let proxied = recorder.address.to_string();
    let from = registry.repository("docker/mounted-from").through(&proxied);
    let to = registry.repository("docker/mounted-to").through(&proxied);
    let image = Image::new("docker mount");
    push(&docker, &image, &from, "v1").await;
    docker.run(["tag", &from.tagged("v1"), &to.tagged("v1")]).await;
    docker.run(["push", &to.tagged("v1")]).await;
    assert_eq!(to.digest("v1").await, from.digest("v1").await);
    for layer in to.manifest("v1").await["layers"].as_array().expect("layers") {
        recorder.assert_mounted(layer["digest"].as_str().expect("a digest"));
    }
}
