//! containerd's `ctr`, with a containerd that the test starts.

use std::fs;

use rustix::process::Signal;

use super::image::Image;
use super::layout;
use super::program::Program;
use super::recorder::Recorder;
use super::registry::{Registry, Repository};
use crate::support::daemon::Daemon;

const INSTALL: &str = "apt-get install containerd";
pub(crate) const PULL: [&str; 5] =
    ["images", "pull", "--plain-http", "--snapshotter=native", "--all-platforms"];
pub(crate) const PUSH: [&str; 3] = ["images", "push", "--plain-http"];

/// A containerd of this test's own. Nothing of it lies outside of its home.
#[derive(Debug)]
pub(crate) struct Containerd {
    pub(crate) socket: String,
    // Dropped in this order: the daemon ends before its directories are removed.
    _daemon: Daemon,
    _home: Program,
}

impl Containerd {
    pub(crate) fn start() -> Option<Self> {
        let program = Program::find_as_root("containerd", INSTALL)?;
        let home = program.home().display().to_string();
        let (socket, config) = (format!("{home}/socket"), format!("{home}/config.toml"));
        let text = format!(
            r#"version = 2
            root = "{home}/root"
            state = "{home}/state"
            disabled_plugins = ["io.containerd.grpc.v1.cri"]
            grpc.address = "{socket}"
            ttrpc.address = "{socket}.ttrpc"
            plugins."io.containerd.internal.v1.opt".path = "{home}/opt""#
        );
        fs::write(&config, text).expect("a configuration");
        let mut command = program.command();
        command.args(["--config", &config]);
        let booted = |line: &str| line.contains("containerd successfully booted").then_some(());
        let (daemon, ()) = Daemon::start(&mut command, Signal::TERM, booted);
        Some(Self { socket, _daemon: daemon, _home: program })
    }
}

/// `ctr`, and the containerd that it talks to.
pub(crate) fn ctr() -> Option<(Program, Containerd)> {
    let ctr = Program::find("ctr", INSTALL)?;
    let containerd = Containerd::start()?;
    let ctr = ctr.always(["--address", &containerd.socket, "--namespace=test"]);
    Some((ctr, containerd))
}

/// Takes `image` into containerd's store under the name that it will have in `repository`.
async fn import(ctr: &Program, image: &Image, repository: &Repository) {
    let archive = layout::archive(ctr.home(), image, "v1").display().to_string();
    let base = format!("--base-name={}", repository.named());
    ctr.run(["images", "import", "--all-platforms", "--no-unpack", &base, &archive]).await;
}

async fn round_trip(name: &str, image: &Image) {
    let Some((ctr, _containerd)) = ctr() else { return };
    let registry = Registry::start();
    let repository = registry.repository(name);
    let reference = repository.tagged("v1");
    import(&ctr, image, &repository).await;
    ctr.run(PUSH.into_iter().chain([reference.as_str()])).await;
    repository.assert_tag("v1", image).await;
    ctr.run(["images", "rm", "--sync", &reference]).await;
    assert_eq!(ctr.run(["content", "ls", "--quiet"]).await, "");
    ctr.run(PULL.into_iter().chain([reference.as_str()])).await;
    let listed = ctr.run(["images", "ls", &format!("name=={reference}")]).await;
    assert!(listed.contains(image.digest()), "{listed}");
    for (digest, bytes) in image.contents() {
        let found = ctr.feed("", ["content", "get", digest]).await;
        assert!(found == *bytes, "{digest} came back changed");
    }
}

#[tokio::test]
async fn ctr_pushes_and_pulls_an_image() {
    round_trip("ctr/image", &Image::new("ctr image")).await;
}

#[tokio::test]
async fn ctr_pushes_and_pulls_an_index() {
    round_trip("ctr/index", &Image::index("ctr index")).await;
}

#[tokio::test]
async fn ctr_pushes_to_a_second_repository_by_mounting() {
    let Some((ctr, _containerd)) = ctr() else { return };
    let registry = Registry::start();
    let recorder = Recorder::start(&registry.authority).await;
    let proxied = recorder.address.to_string();
    let from = registry.repository("ctr/mounted-from").through(&proxied);
    let to = registry.repository("ctr/mounted-to").through(&proxied);
    let image = Image::new("ctr mount");
    from.push(&image, "v1").await;
    // containerd mounts what it pulled from the same registry.
    ctr.run(PULL.into_iter().chain([from.tagged("v1").as_str()])).await;
    ctr.run(["images", "tag", &from.tagged("v1"), &to.tagged("v1")]).await;
    ctr.run(PUSH.into_iter().chain([to.tagged("v1").as_str()])).await;
    to.assert_tag("v1", &image).await;
    for layer in image.layers() {
        recorder.assert_mounted(&layer.digest);
    }
}
