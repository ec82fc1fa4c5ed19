//! podman.

use super::{Client, Outcome, accounts, log_in_with_file, log_out_with_file, named, tell};
use crate::image::Image;
use crate::podman;
use crate::program::Program;

struct Podman(Program);

impl Podman {
    async fn attempt(&self, command: &str, further: &[&str]) -> Outcome {
        let always = [command, "--tls-verify=false", "--authfile=auth.json"];
        self.0.attempt("", always.iter().chain(further)).await
    }
}

impl Client for Podman {
    async fn login(&self, authority: &str, username: &str, password: &str) -> Outcome {
        log_in_with_file(&self.0, authority, username, password).await
    }

    async fn logout(&self, authority: &str) -> Outcome {
        log_out_with_file(&self.0, authority).await
    }

    async fn push(&self, authority: &str, repository: &str) -> Outcome {
        let to = format!("docker://{}", named(authority, repository));
        self.attempt("push", &["--quiet", "ours", &to]).await
    }

    async fn pull(&self, authority: &str, repository: &str) -> Outcome {
        self.attempt("pull", &[&named(authority, repository)]).await
    }

    async fn list(&self, authority: &str, repository: &str) -> Option<Outcome> {
        let repository = format!("{authority}/{repository}");
        Some(self.attempt("search", &["--list-tags", &repository]).await)
    }
}

#[tokio::test]
async fn podman_logs_in() {
    let Some(podman) = podman::podman() else { return };
    super::without_credentials(&podman);
    podman::load(&podman, &Image::new("podman login"), "ours").await;
    let podman = Podman(podman);
    tell(&podman).await;
    accounts::tell(&podman).await;
}
