//! Users and keys that are kept in the store: who comes how far with what.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use hyper::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use super::{Client, assert_refused};
use crate::recorder::Recorder;
use crate::support::server::{Server, binary};

const PASSWORD: &str = "a password of alice";

/// Users and projects have their own, and runners pull what they are for.
const POLICY: &str = r#"
    [[rule]]
    who = ["authenticated"]
    repositories = ["{user}/**", "{project}/**"]
    actions = ["pull", "push", "create", "overwrite", "delete"]

    [[rule]]
    who = ["runner:*"]
    repositories = ["**"]
    actions = ["pull"]
"#;

/// A server with accounts.
struct Accounts {
    recorder: Recorder,
    data: PathBuf,
    _server: Server,
    _directory: TempDir,
}

impl Accounts {
    async fn start() -> Self {
        let directory = TempDir::new().expect("a directory");
        let (data, policy) = (directory.path().join("data"), directory.path().join("policy.toml"));
        fs::write(&policy, POLICY).expect("a file");
        let arguments = ["--accounts".as_ref(), "--policy".as_ref(), policy.as_os_str()];
        let server = Server::start_with(&data, &arguments);
        let recorder = Recorder::start(&server.address.to_string()).await;
        Self { recorder, data, _server: server, _directory: directory }
    }

    /// What a command for the server prints.
    fn tell(&self, command: &[&str], input: &str) -> String {
        let mut told = binary();
        told.args(command).arg("--data").arg(&self.data).stdin(Stdio::piped());
        let mut told = told.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let mut stdin = told.stdin.take().expect("a pipe");
        std::io::Write::write_all(&mut stdin, input.as_bytes()).expect("it reads");
        drop(stdin);
        let told = told.wait_with_output().expect("it ends");
        assert!(told.status.success(), "{command:?}");
        String::from_utf8(told.stdout).expect("text").trim().to_owned()
    }

    fn key(&self, owner: [&str; 2]) -> String {
        self.tell(&["key", "create", owner[0], owner[1]], "")
    }

    /// Of the only key with this owner.
    fn of_key(&self, owner: &str, field: &str) -> String {
        let keys = self.tell(&["key", "list", "--json"], "");
        let keys: Value = serde_json::from_str(&keys).expect("JSON");
        let keys = keys.as_array().expect("a list");
        let key = keys.iter().find(|key| key["owner"] == owner).expect("the key");
        key[field].as_str().expect("text").to_owned()
    }
}

/// What every client must do with passwords, keys of users and of projects, and tokens of runners.
pub(super) async fn tell<C: Client>(client: &C) {
    let server = Accounts::start().await;
    let at = &server.recorder.address.to_string();
    server.tell(&["user", "add", "alice", "--password-stdin"], PASSWORD);

    client.login(at, "alice", PASSWORD).await.expect("a password");
    client.push(at, "alice/app").await.expect("hers");
    assert_refused(client.push(at, "acme/app").await);
    client.logout(at).await.expect("the logout");

    let key = server.key(["--user", "alice"]);
    client.login(at, "alice", &key).await.expect("a user's key");
    client.push(at, "alice/keyed").await.expect("hers");
    client.pull(at, "alice/app").await.expect("hers");
    client.logout(at).await.expect("the logout");

    let key = server.key(["--project", "acme"]);
    let id = server.of_key("project:acme", "owner_id");
    assert_lets_in(client, at, "alice", &key, false).await;
    for name in ["acme", &id] {
        client.login(at, name, &key).await.expect("a project's key");
        client.push(at, "acme/app").await.expect("the project's");
        client.pull(at, "acme/app").await.expect("the project's");
        assert_refused(client.push(at, "alice/app").await);
        client.logout(at).await.expect("the logout");
    }

    let token = server.key(["--runner", &format!("acme/app{}", C::BELOW)]);
    client.login(at, "runner", &token).await.expect("a runner's token");
    client.pull(at, "acme/app").await.expect("what it is for");
    // Clients that find the same manifest there push nothing.
    assert_refused(client.push(at, "acme/other").await);
    assert_refused(client.pull(at, "alice/app").await);
    client.logout(at).await.expect("the logout");

    server.tell(&["key", "revoke", &server.of_key("project:acme", "id")], "");
    assert_lets_in(client, at, "acme", &key, false).await;
    server.tell(&["user", "disable", "alice"], "");
    assert_lets_in(client, at, "alice", PASSWORD, false).await;
    server.tell(&["user", "enable", "alice"], "");
    assert_lets_in(client, at, "alice", PASSWORD, true).await;
}

/// Asserts that these are good for a login, or not.
async fn assert_lets_in<C: Client>(client: &C, at: &str, name: &str, secret: &str, good: bool) {
    let mut outcome = client.login(at, name, secret).await;
    if !C::ASKS {
        outcome.expect("it is only written down");
        outcome = client.pull(at, &format!("{name}/app")).await;
    }
    match good {
        true => drop(outcome.expect("it is good")),
        false => assert_refused(outcome),
    }
    // What was refused may not be written down.
    let _ = client.logout(at).await;
}

/// Asserts that a client which logs in keeps a token for it, and forgets the password.
pub(super) async fn tell_of_refresh_tokens<C: Client>(client: &C) {
    let server = Accounts::start().await;
    let at = &server.recorder.address.to_string();
    server.tell(&["user", "add", "alice", "--password-stdin"], PASSWORD);
    client.login(at, "alice", PASSWORD).await.expect("a password");
    client.push(at, "alice/app").await.expect("by a refresh token");
    let refreshed = server.recorder.has(&Method::POST, "/v2/_token", StatusCode::OK);
    assert!(refreshed, "no token was asked for by POST");
    server.tell(&["user", "passwd", "alice", "--password-stdin"], "another of alice");
    assert_refused(client.push(at, "alice/other").await);
}
