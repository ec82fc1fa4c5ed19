//! docker.

use super::{Client, Outcome, accounts, named, tell};
use crate::docker;
use crate::image::Image;
use crate::program::Program;

struct Docker<'a>(&'a Program);

impl Client for Docker<'_> {
    async fn login(&self, authority: &str, username: &str, password: &str) -> Outcome {
        let login = ["login", "--username", username, "--password-stdin", authority];
        self.0.attempt(password, login).await
    }

    async fn logout(&self, authority: &str) -> Outcome {
        self.0.attempt("", ["logout", authority]).await
    }

    async fn push(&self, authority: &str, repository: &str) -> Outcome {
        let name = named(authority, repository);
        self.0.attempt("", ["tag", "ours:v1", &name]).await?;
        self.0.attempt("", ["push", &name]).await
    }

    async fn pull(&self, authority: &str, repository: &str) -> Outcome {
        self.0.attempt("", ["pull", &named(authority, repository)]).await
    }
}

#[tokio::test]
async fn docker_logs_in() {
    let Some((docker, _dockerd)) = docker::docker() else { return };
    let archive = docker::archive(&docker, &Image::new("docker login"), "ours:v1");
    docker.run(["load".as_ref(), "--input".as_ref(), archive.as_os_str()]).await;
    tell(&Docker(&docker)).await;
    accounts::tell(&Docker(&docker)).await;
    accounts::tell_of_refresh_tokens(&Docker(&docker)).await;
}
