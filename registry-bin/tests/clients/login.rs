//! Clients that log in: on a server for users alone, and on one where everybody pulls.

mod accounts;
mod containerd;
mod containers;
mod crane;
mod docker;
mod helm;
mod oras;
mod regctl;
mod skopeo;

use std::ffi::OsStr;
use std::fs;

use tempfile::TempDir;

use super::program::Program;
use super::recorder::Recorder;
use crate::support::server::Server;

const USER: &str = "alice";
const PASSWORD: &str = "U*U*U";
/// The password by bcrypt, from the test vectors of crypt_blowfish.
const USERS: &str = "alice:$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a\n";

/// What a client was told to do came to this: what it printed, or all that it said.
type Outcome = Result<Vec<u8>, String>;

/// A client that pushes one thing as `v1` of a repository, and does with it what it can.
trait Client {
    /// Whether its login asks the registry, and not only writes down what it is told.
    const ASKS: bool = true;
    /// Whether it mounts what it pushed to another repository before.
    const MOUNTS: bool = true;
    /// Where below the repository that it is told it pushes to.
    const BELOW: &str = "";

    async fn login(&self, authority: &str, username: &str, password: &str) -> Outcome;
    async fn logout(&self, authority: &str) -> Outcome;
    async fn push(&self, authority: &str, repository: &str) -> Outcome;
    async fn pull(&self, authority: &str, repository: &str) -> Outcome;

    /// Prints the tags, where it can.
    async fn list(&self, _authority: &str, _repository: &str) -> Option<Outcome> {
        None
    }

    /// Deletes what it pushed, where it can.
    async fn delete(&self, _authority: &str, _repository: &str) -> Option<Outcome> {
        None
    }
}

/// A server of this test's own, as clients reach it: its users are no other registry's.
struct Guarded {
    recorder: Recorder,
    _server: Server,
    _directory: TempDir,
}

impl Guarded {
    async fn start(challenge: &str, anonymous: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let users = directory.path().join("users");
        fs::write(&users, USERS).expect("a file");
        let arguments = ["--htpasswd".as_ref(), users.as_os_str()];
        let further = ["--challenge", challenge, "--anonymous", anonymous].map(OsStr::new);
        let arguments: Vec<&OsStr> = arguments.into_iter().chain(further).collect();
        let server = Server::start_with(&directory.path().join("data"), &arguments);
        let recorder = Recorder::start(&server.address.to_string()).await;
        Self { recorder, _server: server, _directory: directory }
    }

    fn authority(&self) -> String {
        self.recorder.address.to_string()
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
        "denied",
        "forbidden",
        "authorization failed",
        "cannot respond to request for authentication",
        "basic credential not found",
        "invalid username/password",
        "no basic auth credentials",
    ];
    assert!(why.iter().any(|why| said.contains(why)), "{said}");
}

/// What every client must do where it is asked for a token.
async fn tell<C: Client>(client: &C) {
    use_alone(client, "bearer").await;
    pull_as_everybody(client).await;
}

/// What every client must do on a server for users alone.
async fn use_alone<C: Client>(client: &C, challenge: &str) {
    let server = Guarded::start(challenge, "none").await;
    let at = &server.authority();
    assert_refused(client.push(at, "login/app").await);
    assert_refused(client.pull(at, "login/app").await);
    let wrong = client.login(at, USER, "wrong").await;
    if C::ASKS {
        assert_refused(wrong);
    } else {
        wrong.expect("it is only written down");
        assert_refused(client.push(at, "login/app").await);
    }
    client.login(at, USER, PASSWORD).await.expect("the login");
    client.push(at, "login/app").await.expect("a user pushes");
    client.pull(at, "login/app").await.expect("a user pulls");
    client.push(at, "login/other").await.expect("a user pushes to a second repository");
    assert_eq!(server.recorder.has_mounted(), C::MOUNTS, "mounting with credentials");
    if let Some(tags) = client.list(at, "login/app").await {
        let tags = String::from_utf8(tags.expect("a user lists")).expect("text");
        assert!(tags.contains("v1"), "{tags}");
    }
    if let Some(deleted) = client.delete(at, "login/app").await {
        deleted.expect("a user deletes");
        client.pull(at, "login/app").await.expect_err("it is gone");
    }
    client.logout(at).await.expect("the logout");
    assert_refused(client.pull(at, "login/other").await);
}

/// What every client must do on a server where everybody pulls and users push.
async fn pull_as_everybody<C: Client>(client: &C) {
    let server = Guarded::start("bearer", "pull").await;
    let at = &server.authority();
    assert_refused(client.push(at, "login/app").await);
    client.login(at, USER, PASSWORD).await.expect("the login");
    client.push(at, "login/app").await.expect("a user pushes");
    client.logout(at).await.expect("the logout");
    client.pull(at, "login/app").await.expect("everybody pulls");
}

fn named(authority: &str, repository: &str) -> String {
    format!("{authority}/{repository}:v1")
}

/// Logs in with a program of containers/image, which keeps credentials outside of its home where
/// nothing else is said.
async fn log_in_with_file(
    program: &Program,
    authority: &str,
    username: &str,
    password: &str,
) -> Outcome {
    let login = ["login", "--tls-verify=false", "--authfile=auth.json", "--password-stdin"];
    program.attempt(password, login.into_iter().chain(["--username", username, authority])).await
}

async fn log_out_with_file(program: &Program, authority: &str) -> Outcome {
    program.attempt("", ["logout", "--authfile=auth.json", authority]).await
}

/// Gives such a program a file of credentials without any.
fn without_credentials(program: &Program) {
    fs::write(program.home().join("auth.json"), "{}").expect("a file");
}
