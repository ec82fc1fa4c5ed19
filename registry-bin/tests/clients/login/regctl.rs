//! regctl.

use std::path::PathBuf;

use super::{Client, Outcome, accounts, named, tell};
use crate::image::Image;
use crate::program::Program;
use crate::{layout, regctl};

struct Regctl(Program, PathBuf);

impl Regctl {
    /// Tells it that the registry has no TLS.
    async fn know(&self, authority: &str) -> Outcome {
        let set = ["registry", "set", authority, "--tls=disabled", "--skip-check"];
        self.0.attempt("", set).await
    }

    async fn copy(&self, from: &str, to: &str) -> Outcome {
        self.0.attempt("", ["image", "copy", from, to]).await
    }
}

impl Client for Regctl {
    async fn login(&self, authority: &str, username: &str, password: &str) -> Outcome {
        self.know(authority).await?;
        let login = ["registry", "login", authority, "--user", username, "--pass-stdin"];
        self.0.attempt(password, login).await
    }

    async fn logout(&self, authority: &str) -> Outcome {
        self.0.attempt("", ["registry", "logout", authority]).await
    }

    async fn push(&self, authority: &str, repository: &str) -> Outcome {
        self.know(authority).await?;
        let to = named(authority, repository);
        if repository == "login/other" {
            // It mounts where it copies within a registry.
            return self.copy(&named(authority, "login/app"), &to).await;
        }
        self.copy(&regctl::ocidir(&self.1, "v1"), &to).await
    }

    async fn pull(&self, authority: &str, repository: &str) -> Outcome {
        let pulled = regctl::ocidir(&self.0.home().join("pulled"), "v1");
        self.copy(&named(authority, repository), &pulled).await
    }

    async fn list(&self, authority: &str, repository: &str) -> Option<Outcome> {
        Some(self.0.attempt("", ["tag", "ls", &format!("{authority}/{repository}")]).await)
    }

    async fn delete(&self, authority: &str, repository: &str) -> Option<Outcome> {
        Some(self.0.attempt("", ["tag", "delete", &named(authority, repository)]).await)
    }
}

#[tokio::test]
async fn regctl_logs_in() {
    let Some(regctl) = Program::find("regctl", regctl::INSTALL) else { return };
    let layout = layout::write(regctl.home(), &Image::new("regctl login"), "v1");
    let regctl = Regctl(regctl, layout);
    tell(&regctl).await;
    accounts::tell(&regctl).await;
}
