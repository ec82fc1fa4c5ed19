//! crane.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::{Client, Outcome, accounts, named, tell, use_alone};
use crate::image::Image;
use crate::program::Program;
use crate::{crane, layout};

struct Crane(Program, PathBuf);

impl Client for Crane {
    const ASKS: bool = false;

    async fn login(&self, authority: &str, username: &str, password: &str) -> Outcome {
        let login = ["auth", "login", authority, "--username", username, "--password-stdin"];
        self.0.attempt(password, login).await
    }

    async fn logout(&self, authority: &str) -> Outcome {
        self.0.attempt("", ["auth", "logout", authority]).await
    }

    async fn push(&self, authority: &str, repository: &str) -> Outcome {
        let to = named(authority, repository);
        // It mounts where it copies, not where it pushes a layout.
        if repository == "login/other" {
            return self.0.attempt("", ["copy", &named(authority, "login/app"), &to]).await;
        }
        let push = ["push".as_ref(), self.1.as_os_str(), to.as_ref()].map(OsStr::to_owned);
        self.0.attempt("", push).await
    }

    async fn pull(&self, authority: &str, repository: &str) -> Outcome {
        let from = named(authority, repository);
        self.0.attempt("", ["pull", "--format=oci", &from, "pulled"]).await
    }

    async fn list(&self, authority: &str, repository: &str) -> Option<Outcome> {
        Some(self.0.attempt("", ["ls", &format!("{authority}/{repository}")]).await)
    }

    async fn delete(&self, authority: &str, repository: &str) -> Option<Outcome> {
        Some(self.0.attempt("", ["delete", &named(authority, repository)]).await)
    }
}

fn crane() -> Option<Crane> {
    let crane = crane::crane()?;
    let layout = layout::write(crane.home(), &Image::new("crane login"), "v1");
    Some(Crane(crane, layout))
}

#[tokio::test]
async fn crane_logs_in() {
    let Some(crane) = crane() else { return };
    tell(&crane).await;
    accounts::tell(&crane).await;
}

#[tokio::test]
async fn crane_logs_in_where_it_is_asked_for_a_password() {
    let Some(crane) = crane() else { return };
    use_alone(&crane, "basic").await;
}
