//! podman and buildah, which log in, push and pull with the same words.

use super::{Client, Outcome, accounts, log_in_with_file, log_out_with_file, named, tell};
use crate::image::Image;
use crate::program::Program;
use crate::{buildah, containers, podman};

/// One of them, with an image that it calls `ours`.
struct Storage {
    program: Program,
    /// Whether it can ask for tags.
    searches: bool,
    /// How it pulls what it has already.
    pull: &'static [&'static str],
}

impl Storage {
    async fn attempt(&self, command: &str, further: &[&str]) -> Outcome {
        let always = [command, "--tls-verify=false", "--authfile=auth.json"];
        self.program.attempt("", always.iter().chain(further)).await
    }
}

impl Client for Storage {
    async fn login(&self, authority: &str, username: &str, password: &str) -> Outcome {
        log_in_with_file(&self.program, authority, username, password).await
    }

    async fn logout(&self, authority: &str) -> Outcome {
        log_out_with_file(&self.program, authority).await
    }

    async fn push(&self, authority: &str, repository: &str) -> Outcome {
        let to = format!("docker://{}", named(authority, repository));
        self.attempt("push", &["--quiet", "ours", &to]).await
    }

    async fn pull(&self, authority: &str, repository: &str) -> Outcome {
        let name = named(authority, repository);
        self.attempt("pull", &[self.pull, &[&name]].concat()).await
    }

    async fn list(&self, authority: &str, repository: &str) -> Option<Outcome> {
        if !self.searches {
            return None;
        }
        let repository = format!("{authority}/{repository}");
        Some(self.attempt("search", &["--list-tags", &repository]).await)
    }
}

#[tokio::test]
async fn podman_logs_in() {
    let Some(program) = podman::podman() else { return };
    super::without_credentials(&program);
    podman::load(&program, &Image::new("podman login"), "ours").await;
    let podman = Storage { program, searches: true, pull: &[] };
    tell(&podman).await;
    accounts::tell(&podman).await;
}

#[tokio::test]
async fn buildah_logs_in() {
    let Some(program) = containers::find_with_store("buildah") else { return };
    super::without_credentials(&program);
    buildah::build(&program, &["--tag", "ours"]).await;
    let buildah = Storage { program, searches: false, pull: &["--policy=always"] };
    tell(&buildah).await;
    accounts::tell(&buildah).await;
}
