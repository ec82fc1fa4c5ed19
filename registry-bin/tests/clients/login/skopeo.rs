//! skopeo.

use std::path::PathBuf;

use super::{
    Client, Outcome, accounts, log_in_with_file, log_out_with_file, named, tell, use_alone,
};
use crate::image::Image;
use crate::program::Program;
use crate::{containers, layout, skopeo};

struct Skopeo(Program, PathBuf);

impl Skopeo {
    async fn copy(&self, from: &str, to: &str) -> Outcome {
        let arguments = skopeo::COPY.into_iter().chain(["--authfile=auth.json", from, to]);
        self.0.attempt("", arguments).await
    }

    async fn attempt(&self, command: &str, reference: &str) -> Outcome {
        let further = ["--tls-verify=false", "--authfile=auth.json", reference];
        self.0.attempt("", [command].into_iter().chain(further)).await
    }
}

impl Client for Skopeo {
    async fn login(&self, authority: &str, username: &str, password: &str) -> Outcome {
        log_in_with_file(&self.0, authority, username, password).await
    }

    async fn logout(&self, authority: &str) -> Outcome {
        log_out_with_file(&self.0, authority).await
    }

    async fn push(&self, authority: &str, repository: &str) -> Outcome {
        let to = skopeo::docker(&named(authority, repository));
        self.copy(&skopeo::oci(&self.1, "v1"), &to).await
    }

    async fn pull(&self, authority: &str, repository: &str) -> Outcome {
        let pulled = skopeo::oci(&self.0.home().join("pulled"), "v1");
        self.copy(&skopeo::docker(&named(authority, repository)), &pulled).await
    }

    async fn list(&self, authority: &str, repository: &str) -> Option<Outcome> {
        Some(self.attempt("list-tags", &format!("docker://{authority}/{repository}")).await)
    }

    async fn delete(&self, authority: &str, repository: &str) -> Option<Outcome> {
        Some(self.attempt("delete", &skopeo::docker(&named(authority, repository))).await)
    }
}

fn skopeo() -> Option<Skopeo> {
    let skopeo = containers::find("skopeo")?;
    super::without_credentials(&skopeo);
    let layout = layout::write(skopeo.home(), &Image::new("skopeo login"), "v1");
    Some(Skopeo(skopeo, layout))
}

#[tokio::test]
async fn skopeo_logs_in() {
    let Some(skopeo) = skopeo() else { return };
    tell(&skopeo).await;
    accounts::tell(&skopeo).await;
}

#[tokio::test]
async fn skopeo_logs_in_where_it_is_asked_for_a_password() {
    let Some(skopeo) = skopeo() else { return };
    use_alone(&skopeo, "basic").await;
}
