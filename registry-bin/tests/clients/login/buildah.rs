//! buildah.

use super::{Client, Outcome, log_in_with_file, log_out_with_file, named, tell};
use crate::program::Program;
use crate::{buildah, containers};

struct Buildah(Program);

impl Buildah {
    async fn attempt(&self, command: &str, further: &[&str]) -> Outcome {
        let always = [command, "--tls-verify=false", "--authfile=auth.json"];
        self.0.attempt("", always.iter().chain(further)).await
    }
}

impl Client for Buildah {
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
}

#[tokio::test]
async fn buildah_logs_in() {
    let Some(buildah) = containers::find_with_store("buildah") else { return };
    super::without_credentials(&buildah);
    buildah::build(&buildah, &["--tag", "ours"]).await;
    tell(&Buildah(buildah)).await;
}
