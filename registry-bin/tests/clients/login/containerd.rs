//! containerd's `ctr`, which is told the credentials in every call.

use std::sync::{Mutex, PoisonError};

use super::{Client, Outcome, accounts, named, tell};
use crate::containerd;
use crate::image::Image;
use crate::layout;
use crate::program::Program;

struct Ctr<'a> {
    program: &'a Program,
    credentials: Mutex<Option<String>>,
}

impl Ctr<'_> {
    async fn attempt(&self, command: &[&str], name: &str) -> Outcome {
        let credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let user = credentials.iter().flat_map(|credentials| ["--user", credentials]);
        let arguments: Vec<&str> = command.iter().copied().chain(user).chain([name]).collect();
        self.program.attempt("", arguments).await
    }

    fn keep(&self, credentials: Option<String>) -> Outcome {
        *self.credentials.lock().unwrap_or_else(PoisonError::into_inner) = credentials;
        Ok(Vec::new())
    }
}

impl Client for Ctr<'_> {
    const ASKS: bool = false;

    async fn login(&self, _: &str, username: &str, password: &str) -> Outcome {
        self.keep(Some(format!("{username}:{password}")))
    }

    async fn logout(&self, _: &str) -> Outcome {
        self.keep(None)
    }

    async fn push(&self, authority: &str, repository: &str) -> Outcome {
        let name = named(authority, repository);
        self.program.attempt("", ["images", "tag", "--force", "ours/ours:v1", &name]).await?;
        self.attempt(&containerd::PUSH, &name).await
    }

    async fn pull(&self, authority: &str, repository: &str) -> Outcome {
        self.attempt(&containerd::PULL, &named(authority, repository)).await
    }
}

#[tokio::test]
async fn ctr_logs_in() {
    let Some((ctr, _containerd)) = containerd::ctr() else { return };
    let image = Image::new("ctr login");
    let archive = layout::archive(ctr.home(), &image, "v1").display().to_string();
    let import = ["images", "import", "--all-platforms", "--no-unpack", "--base-name=ours/ours"];
    ctr.run(import.into_iter().chain([archive.as_str()])).await;
    let ctr = Ctr { program: &ctr, credentials: Mutex::default() };
    tell(&ctr).await;
    accounts::tell(&ctr).await;
}
