//! `token keys`, through a running server and on a store that nobody serves.

use std::fs;

use hyper::{Method, StatusCode};
use registry_adapters::{
    jwt::KeyRing,
    system::{SystemClock, SystemRandom},
};
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    commands::{add, basic, json, status, token},
    http::Http,
    program::Program,
    running::Running,
};

const LIST: [&str; 4] = ["token", "keys", "list", "--json"];

/// What each key is called, and what it does.
fn listed(program: &Program) -> Vec<(String, String)> {
    let keys = json(program, &LIST);
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let keys = keys.as_array().expect("a list").iter();
    keys.map(|key| (text(&key["id"]), text(&key["duty"]))).collect()
}

/// Adds a key and gives its id.
fn rotate(program: &Program) -> String {
    let run = program.run(&["token", "keys", "rotate"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.stdout.trim_end().to_owned()
}

async fn published(http: &Http) -> Vec<String> {
    let reply = http.get("/v2/_jwks").await.expect("a reply");
    let set: Value = serde_json::from_slice(&reply.body).expect("JSON");
    let keys = set["keys"].as_array().expect("a list").iter();
    keys.map(|key| key["kid"].as_str().expect("an id").to_owned()).collect()
}

async fn accepts(http: &Http, token: &str) -> bool {
    match status(http, Method::GET, "/v2/", token, "").await {
        StatusCode::OK => true,
        StatusCode::UNAUTHORIZED => false,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_key_that_has_leaked_is_replaced_while_the_server_runs() {
    let program = Program::new();
    let mut running = Running::start(&program, &["--accounts", "--audit-log", "audit.jsonl"]);
    let http = Http::new(running.address);
    let alice = basic("alice", &add(&program, "alice", &[]));
    let forged = token(&http, &alice, "").await.expect("a token");
    let leaked = listed(&program).remove(0).0;
    assert_eq!(listed(&program), [(leaked.clone(), "signs".to_owned())]);
    let retire = ["token", "keys", "retire", &leaked];
    let only = program.run(&retire);
    assert_eq!(
        (only.code, only.stderr.as_str()),
        (Some(1), "it is the only key: add another first\n")
    );
    assert!(accepts(&http, &forged).await);

    let new = rotate(&program);
    let [signs, waits] =
        [(&leaked, "signs"), (&new, "waits")].map(|(id, duty)| (id.clone(), duty.to_owned()));
    assert_eq!(listed(&program), [signs, waits]);
    assert_eq!(published(&http).await, [leaked.clone(), new.clone()], "it is published at once");
    assert!(accepts(&http, &forged).await, "what the old key signed is good until it ends");

    assert_eq!(program.run(&retire).code, Some(0));
    assert!(!accepts(&http, &forged).await);
    assert_eq!(published(&http).await, [&*new]);
    assert_eq!(listed(&program), [(new.clone(), "signs".to_owned())]);
    let fresh = token(&http, &alice, "").await.expect("a token");
    assert!(accepts(&http, &fresh).await);
    let again = program.run(&retire);
    assert_eq!((again.code, again.stderr), (Some(1), format!("there is no key {leaked:?}\n")));
    running.wait_for("retired a key that signed tokens");

    running.signal(Signal::KILL);
    running.end();
    let running = Running::start(&program, &["--accounts"]);
    let http = Http::new(running.address);
    assert!(!accepts(&http, &forged).await && accepts(&http, &fresh).await);
    let audit = fs::read_to_string(program.path().join("audit.jsonl")).expect("a log");
    let events = audit.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let events: Vec<_> = events
        .filter(|event| event["resource"].as_str().is_some_and(|it| it.starts_with("token-key")))
        .map(|event| {
            ["action", "resource", "outcome", "reason"]
                .map(|field| event[field].as_str().expect("a string").to_owned())
        })
        .collect();
    let [old, new] = [&leaked, &new].map(|id| format!("token-key:{id}"));
    assert_eq!(
        events,
        [
            [
                "key-revoked",
                &old,
                "failed",
                "token keys retire: it is the only key: add another first"
            ],
            ["key-created", &new, "done", "token keys rotate"],
            ["key-revoked", &old, "done", "token keys retire"],
            [
                "key-revoked",
                &old,
                "failed",
                &format!("token keys retire: there is no key {leaked:?}")
            ],
        ]
    );
}

#[tokio::test]
async fn a_key_that_has_leaked_is_replaced_where_no_server_runs() {
    let program = Program::new();
    let running = Running::start(&program, &[]);
    let none = program.run(&LIST);
    assert_eq!(none.code, Some(1), "nobody logs in: {none:?}");
    running.signal(Signal::TERM);
    running.end();
    let offline = program.run(&LIST);
    assert_eq!((offline.code, &offline.stderr), (none.code, &none.stderr));
    assert!(!program.path().join("registry-data/token-keys").exists(), "what looks makes none");
    let running = Running::start(&program, &["--accounts"]);
    let alice = basic("alice", &add(&program, "alice", &[]));
    let forged = token(&Http::new(running.address), &alice, "").await.expect("a token");
    running.signal(Signal::TERM);
    running.end();
    let leaked = listed(&program).remove(0).0;
    let new = rotate(&program);
    assert_eq!(program.run(&["token", "keys", "retire", &leaked]).code, Some(0));
    assert_eq!(listed(&program), [(new, "signs".to_owned())]);
    let running = Running::start(&program, &["--accounts"]);
    assert!(!accepts(&Http::new(running.address), &forged).await);
}

#[test]
fn a_key_whose_id_starts_as_a_flag_does_is_found() {
    let program = Program::new();
    let running = Running::start(&program, &["--accounts"]);
    running.signal(Signal::TERM);
    running.end();
    for start in ["-h", "-x", "--x", "---"] {
        let id = format!("{start:A<43}");
        let run = program.run(&["token", "keys", "retire", &id, "--data", "registry-data"]);
        assert_eq!((run.code, run.stderr), (Some(1), format!("there is no key {id:?}\n")));
    }
}

#[tokio::test]
async fn a_configured_key_is_listed_and_not_changed() {
    let program = Program::new();
    // What is made in a directory is a key as `openssl genpkey` makes one.
    let directory = program.path().join("keys");
    KeyRing::open(&directory, SystemClock::new(), SystemRandom).expect("a key");
    let made = fs::read_dir(&directory).expect("keys").map(|entry| entry.expect("an entry").path());
    let made: Vec<_> = made.filter(|path| path.extension().is_some_and(|it| it == "pem")).collect();
    fs::copy(&made[0], program.path().join("key.pem")).expect("a copy");
    let program = program.file(
        "registry.toml",
        "accounts = true\ntoken-key = \"key.pem\"\npublic-url = \"https://r.example.org\"\n",
    );
    let running = Running::start(&program, &[]);
    let refused = || {
        let run = program.run(&["token", "keys", "rotate"]);
        assert_eq!(run.code, Some(1));
        assert_eq!(
            run.stderr,
            "the key is a configured file: put another in its place and restart the server\n"
        );
        listed(&program)
    };
    let served = refused();
    running.signal(Signal::TERM);
    running.end();
    assert_eq!(refused(), served);
    assert_eq!(served[0].1, "signs");
    assert!(program.run(&LIST[..3]).stdout.contains("  signs  -\n"));
}
