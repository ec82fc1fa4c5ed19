//! No secret is anywhere but where it was asked for.

use std::{fs, path::Path};

use hyper::Method;
use rustix::process::Signal;

use crate::{
    commands::{add, basic, json, push, status, token},
    http::Http,
    program::Program,
    running::Running,
};

/// Everything below a directory.
fn texts(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            texts(&path, found);
        } else if let Ok(bytes) = fs::read(&path) {
            found.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}

#[tokio::test]
async fn no_password_key_token_or_hash_is_shown_logged_or_kept_as_it_is() {
    let program = Program::new();
    let arguments = ["--accounts", "--audit-log", "audit.jsonl", "--log-level", "trace"];
    let running = Running::start(&program, &arguments);
    let http = Http::new(running.address);
    let password = add(&program, "alice", &[]);
    let key = program.run(&["key", "create", "--user", "alice"]).stdout.trim_end().to_owned();
    let project = program.run(&["key", "create", "--project", "acme"]).stdout.trim_end().to_owned();
    let minted = program.run(&["token", "mint", "--user", "alice"]).stdout.trim_end().to_owned();
    let alice = basic("alice", &password);
    let bearer = token(&http, &alice, "repository:a:push").await.expect("a token");
    let wrong = "canary-of-a-wrong-password";
    let mangled = format!("{}x", &key[..key.len() - 1]);
    for authorization in [
        alice.clone(),
        bearer.clone(),
        format!("{bearer}x"),
        basic("alice", wrong),
        basic("alice", &key),
        basic("acme", &project),
        basic("alice", &mangled),
        basic(&password, "alice"),
        format!("Bearer {key}"),
    ] {
        push(&http, "a", &authorization).await;
        status(&http, Method::GET, "/v2/_catalog", &authorization, "").await;
        // Both ways of asking for a token.
        let _ = token(&http, &authorization, "repository:a:push").await;
    }
    let form = format!(
        "/v2/_token?service=registry&account=alice&scope=repository:a:pull&password={password}"
    );
    status(&http, Method::GET, &form, &alice, "").await;
    let mut shown = vec![
        ("user list".to_owned(), json(&program, &["user", "list", "--json"]).to_string()),
        ("key list".to_owned(), json(&program, &["key", "list", "--json"]).to_string()),
        ("check".to_owned(), program.run(&["check", "--accounts"]).stdout),
    ];
    let refused = program.run(&["user", "add", "alice", "--generate"]);
    shown.push(("refused".to_owned(), refused.stderr + &refused.stdout));
    running.signal(Signal::TERM);
    shown.push(("log".to_owned(), running.end().1.join("\n")));
    texts(program.path(), &mut shown);
    let names: Vec<_> = shown.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.iter().any(|name| name.ends_with("audit.jsonl")), "{names:?}");
    // What a reader could use: the secrets, how they are sent, and what a hash begins with.
    let bearer = bearer.trim_start_matches("Bearer ");
    let signature = bearer.rsplit('.').next().expect("a signature");
    let secrets = [
        password.as_str(),
        &key,
        &project,
        &minted,
        bearer,
        signature,
        wrong,
        &mangled,
        &alice[6..],
    ];
    for (name, text) in &shown {
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} is in {name}");
        }
        // The hash is in the user's record and nowhere else.
        let is_record = name.contains("x-accounts");
        assert!(is_record || !text.contains("$argon2id$"), "a hash is in {name}");
    }
}
