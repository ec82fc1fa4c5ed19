//! Clients that log in, on a server with users from an htpasswd file.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::image::Image;
use super::program::Program;
use super::{containers, crane, docker, helm, layout, podman, regctl, skopeo};
use crate::support::server::Server;

const USER: &str = "alice";
const PASSWORD: &str = "U*U*U";
/// The password by bcrypt, from the test vectors of crypt_blowfish.
const USERS: &str = "alice:$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a\n";

/// A server of this test's own; its users are no other registry's.
struct Guarded {
    authority: String,
    _server: Server,
    _directory: TempDir,
}

/// What a client was told to do came to this.
type Outcome = Result<Vec<u8>, String>;

/// A client that can push one thing as `login/app`, and pull it again.
trait Client {
    /// Whether its login asks the registry, and not only writes down what it is told.
    const ASKS: bool = true;
    /// Whether it tries without credentials where others could log in with a password.
    const PULLS_ANONYMOUSLY: bool = true;

    async fn login(&self, authority: &str, password: &str) -> Outcome;
    async fn logout(&self, authority: &str) -> Outcome;
    async fn push(&self, authority: &str) -> Outcome;
    async fn pull(&self, authority: &str) -> Outcome;
}

impl Guarded {
    fn start(anonymous: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let users = directory.path().join("users");
        fs::write(&users, USERS).expect("a file");
        let arguments = ["--htpasswd".as_ref(), users.as_os_str(), "--anonymous".as_ref()];
        let arguments: Vec<&OsStr> = arguments.into_iter().chain([anonymous.as_ref()]).collect();
        let server = Server::start_with(&directory.path().join("data"), &arguments);
        Self { authority: server.address.to_string(), _server: server, _directory: directory }
    }
}

/// Asserts that the client failed because it was not let in.
#[track_caller]
fn assert_refused(outcome: Outcome) {
    let said = outcome.expect_err("refused").to_lowercase();
    let why = [
        "unauthorized",
        "401",
        "authentication required",
        "basic credential not found",
        "invalid username/password",
        "no basic auth credentials",
    ];
    assert!(why.iter().any(|why| said.contains(why)), "{said}");
}

/// What every client must do on a server for users alone, and on one where all may pull.
async fn tell<C: Client>(client: &C) {
    let closed = Guarded::start("none");
    let at = &closed.authority;
    assert_refused(client.push(at).await);
    assert_refused(client.pull(at).await);
    let wrong = client.login(at, "wrong").await;
    if C::ASKS {
        assert_refused(wrong);
    } else {
        wrong.expect("it is only written down");
        assert_refused(client.push(at).await);
    }
    client.login(at, PASSWORD).await.expect("the login");
    client.push(at).await.expect("a user pushes");
    client.pull(at).await.expect("a user pulls");
    client.logout(at).await.expect("the logout");
    assert_refused(client.pull(at).await);

    let open = Guarded::start("pull");
    let at = &open.authority;
    assert_refused(client.push(at).await);
    client.login(at, PASSWORD).await.expect("the login");
    client.push(at).await.expect("a user pushes");
    client.logout(at).await.expect("the logout");
    let anonymous = client.pull(at).await;
    if C::PULLS_ANONYMOUSLY {
        anonymous.expect("everybody pulls");
    } else {
        assert_refused(anonymous);
    }
}

fn named(authority: &str) -> String {
    format!("{authority}/login/app:v1")
}

struct Crane(Program, PathBuf);

impl Client for Crane {
    const ASKS: bool = false;

    async fn login(&self, authority: &str, password: &str) -> Outcome {
        let login = ["auth", "login", authority, "--username", USER, "--password-stdin"];
        self.0.attempt(password, login).await
    }

    async fn logout(&self, authority: &str) -> Outcome {
        self.0.attempt("", ["auth", "logout", authority]).await
    }

    async fn push(&self, authority: &str) -> Outcome {
        let push =
            ["push".as_ref(), self.1.as_os_str(), named(authority).as_ref()].map(OsStr::to_owned);
        self.0.attempt("", push).await
    }

    async fn pull(&self, authority: &str) -> Outcome {
        self.0.attempt("", ["pull", "--format=oci", &named(authority), "pulled"]).await
    }
}

#[tokio::test]
async fn crane_logs_in() {
    let Some(crane) = crane::crane() else { return };
    let layout = layout::write(crane.home(), &Image::new("crane login"), "v1");
    tell(&Crane(crane, layout)).await;
}

struct Skopeo(Program, PathBuf);

impl Skopeo {
    async fn copy(&self, from: &str, to: &str) -> Outcome {
        let arguments = skopeo::COPY.into_iter().chain(["--authfile=auth.json", from, to]);
        self.0.attempt("", arguments).await
    }
}

impl Client for Skopeo {
    async fn login(&self, authority: &str, password: &str) -> Outcome {
        log_in_with_file(&self.0, authority, password).await
    }

    async fn logout(&self, authority: &str) -> Outcome {
        self.0.attempt("", ["logout", "--authfile=auth.json", authority]).await
    }

    async fn push(&self, authority: &str) -> Outcome {
        self.copy(&skopeo::oci(&self.1, "v1"), &skopeo::docker(&named(authority))).await
    }

    async fn pull(&self, authority: &str) -> Outcome {
        let pulled = skopeo::oci(&self.0.home().join("pulled"), "v1");
        self.copy(&skopeo::docker(&named(authority)), &pulled).await
    }
}

/// podman and skopeo keep credentials outside of the home where nothing else is said.
async fn log_in_with_file(program: &Program, authority: &str, password: &str) -> Outcome {
    let login = ["login", "--tls-verify=false", "--authfile=auth.json", "--password-stdin"];
    program.attempt(password, login.into_iter().chain(["--username", USER, authority])).await
}

#[tokio::test]
async fn skopeo_logs_in() {
    let Some(skopeo) = containers::find("skopeo") else { return };
    fs::write(skopeo.home().join("auth.json"), "{}").expect("a file");
    let layout = layout::write(skopeo.home(), &Image::new("skopeo login"), "v1");
    tell(&Skopeo(skopeo, layout)).await;
}

struct Podman(Program);

impl Client for Podman {
    async fn login(&self, authority: &str, password: &str) -> Outcome {
        log_in_with_file(&self.0, authority, password).await
    }

    async fn logout(&self, authority: &str) -> Outcome {
        self.0.attempt("", ["logout", "--authfile=auth.json", authority]).await
    }

    async fn push(&self, authority: &str) -> Outcome {
        let push = ["push", "--tls-verify=false", "--authfile=auth.json", "--quiet", "ours"];
        let to = format!("docker://{}", named(authority));
        self.0.attempt("", push.into_iter().chain([to.as_str()])).await
    }

    async fn pull(&self, authority: &str) -> Outcome {
        let pull = ["pull", "--tls-verify=false", "--authfile=auth.json", &named(authority)];
        self.0.attempt("", pull).await
    }
}

#[tokio::test]
async fn podman_logs_in() {
    let Some(podman) = podman::podman() else { return };
    fs::write(podman.home().join("auth.json"), "{}").expect("a file");
    podman::load(&podman, &Image::new("podman login"), "ours").await;
    tell(&Podman(podman)).await;
}

struct Docker<'a>(&'a Program);

impl Client for Docker<'_> {
    const PULLS_ANONYMOUSLY: bool = false;

    async fn login(&self, authority: &str, password: &str) -> Outcome {
        let login = ["login", "--username", USER, "--password-stdin", authority];
        self.0.attempt(password, login).await
    }

    async fn logout(&self, authority: &str) -> Outcome {
        self.0.attempt("", ["logout", authority]).await
    }

    async fn push(&self, authority: &str) -> Outcome {
        self.0.attempt("", ["tag", "ours:v1", &named(authority)]).await?;
        self.0.attempt("", ["push", &named(authority)]).await
    }

    async fn pull(&self, authority: &str) -> Outcome {
        self.0.attempt("", ["pull", &named(authority)]).await
    }
}

#[tokio::test]
async fn docker_logs_in() {
    let Some((docker, _dockerd)) = docker::docker() else { return };
    let archive = docker::archive(&docker, &Image::new("docker login"), "ours:v1");
    docker.run(["load".as_ref(), "--input".as_ref(), archive.as_os_str()]).await;
    tell(&Docker(&docker)).await;
}

struct Helm(Program, String);

impl Client for Helm {
    async fn login(&self, authority: &str, password: &str) -> Outcome {
        let login = ["registry", "login", "--plain-http", "--password-stdin", "--username", USER];
        self.0.attempt(password, login.into_iter().chain([authority])).await
    }

    async fn logout(&self, authority: &str) -> Outcome {
        self.0.attempt("", ["registry", "logout", authority]).await
    }

    async fn push(&self, authority: &str) -> Outcome {
        let charts = format!("oci://{authority}/login");
        self.0.attempt("", ["push", "--plain-http", &self.1, &charts]).await
    }

    async fn pull(&self, authority: &str) -> Outcome {
        let chart = format!("oci://{authority}/login/greeting");
        self.0.attempt("", ["show", "chart", "--plain-http", &chart, "--version=0.1.0"]).await
    }
}

#[tokio::test]
async fn helm_logs_in() {
    let Some(helm) = helm::helm() else { return };
    let package = helm::package(&helm, "0.1.0").await.display().to_string();
    tell(&Helm(helm, package)).await;
}

struct Regctl(Program, PathBuf);

impl Regctl {
    async fn copy(&self, from: &str, to: &str) -> Outcome {
        self.0.attempt("", ["image", "copy", from, to]).await
    }
}

impl Client for Regctl {
    async fn login(&self, authority: &str, password: &str) -> Outcome {
        let login = ["registry", "login", authority, "--user", USER, "--pass-stdin"];
        self.0.attempt(password, login).await
    }

    async fn logout(&self, authority: &str) -> Outcome {
        self.0.attempt("", ["registry", "logout", authority]).await
    }

    async fn push(&self, authority: &str) -> Outcome {
        self.0
            .attempt("", ["registry", "set", authority, "--tls=disabled", "--skip-check"])
            .await?;
        self.copy(&regctl::ocidir(&self.1, "v1"), &named(authority)).await
    }

    async fn pull(&self, authority: &str) -> Outcome {
        let pulled = regctl::ocidir(&self.0.home().join("pulled"), "v1");
        self.copy(&named(authority), &pulled).await
    }
}

#[tokio::test]
async fn regctl_logs_in() {
    let Some(regctl) = Program::find("regctl", regctl::INSTALL) else { return };
    let layout = layout::write(regctl.home(), &Image::new("regctl login"), "v1");
    tell(&Regctl(regctl, layout)).await;
}
