//! helm, whose repositories end in the name of the chart.

use super::{Client, Outcome, accounts, tell};
use crate::helm;
use crate::program::Program;

struct Helm(Program, String);

impl Client for Helm {
    const MOUNTS: bool = false;
    const BELOW: &str = "/greeting";

    async fn login(&self, authority: &str, username: &str, password: &str) -> Outcome {
        let login =
            ["registry", "login", "--plain-http", "--password-stdin", "--username", username];
        self.0.attempt(password, login.into_iter().chain([authority])).await
    }

    async fn logout(&self, authority: &str) -> Outcome {
        self.0.attempt("", ["registry", "logout", authority]).await
    }

    async fn push(&self, authority: &str, repository: &str) -> Outcome {
        let charts = format!("oci://{authority}/{repository}");
        self.0.attempt("", ["push", "--plain-http", &self.1, &charts]).await
    }

    async fn pull(&self, authority: &str, repository: &str) -> Outcome {
        let chart = format!("oci://{authority}/{repository}/greeting");
        self.0.attempt("", ["show", "chart", "--plain-http", &chart, "--version=0.1.0"]).await
    }
}

#[tokio::test]
async fn helm_logs_in() {
    let Some(helm) = helm::helm() else { return };
    let package = helm::package(&helm, "0.1.0").await.display().to_string();
    let helm = Helm(helm, package);
    tell(&helm).await;
    accounts::tell(&helm).await;
}
