//! oras' client for Python, which keeps credentials where docker does.

use std::fs;

use super::{Client, Outcome, accounts, named, tell};
use crate::oras;
use crate::program::Program;

struct Oras(Program);

impl Client for Oras {
    const ASKS: bool = false;
    const MOUNTS: bool = false;

    async fn login(&self, authority: &str, username: &str, password: &str) -> Outcome {
        self.0.attempt("", ["login", authority, authority, username, password]).await
    }

    /// The client forgets within its process alone.
    async fn logout(&self, _: &str) -> Outcome {
        let kept = self.0.home().join(".docker/config.json");
        fs::remove_file(kept).map(|()| Vec::new()).map_err(|error| error.to_string())
    }

    async fn push(&self, authority: &str, repository: &str) -> Outcome {
        self.0.attempt("", ["push", authority, &named(authority, repository), "file.bin"]).await
    }

    async fn pull(&self, authority: &str, repository: &str) -> Outcome {
        self.0.attempt("", ["pull", authority, &named(authority, repository), "pulled"]).await
    }

    async fn list(&self, authority: &str, repository: &str) -> Option<Outcome> {
        let repository = format!("{authority}/{repository}");
        Some(self.0.attempt("", ["tags", authority, &repository]).await)
    }

    async fn delete(&self, authority: &str, repository: &str) -> Option<Outcome> {
        let repository = format!("{authority}/{repository}");
        Some(self.0.attempt("", ["delete", authority, &repository, "v1"]).await)
    }
}

#[tokio::test]
async fn oras_logs_in() {
    let Some(oras) = oras::oras() else { return };
    fs::write(oras.home().join("file.bin"), "pushed with credentials").expect("a file");
    let oras = Oras(oras);
    tell(&oras).await;
    accounts::tell(&oras).await;
}
