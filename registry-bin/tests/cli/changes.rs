//! What changes while somebody is logged in: the policy, their groups, whether there is such a user.

use std::{
    fs,
    os::unix::fs::symlink,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hyper::{
    Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    commands::{add, basic, json, push, status, token},
    http::{Http, Reply},
    program::Program,
    running::Running,
};

const TAGS: &str = "/v2/team/app/tags/list";
const SCOPE: &str = "repository:team/app:pull,push";

/// Everything in `team` to whomever it names.
fn rules(who: &str) -> String {
    format!(
        "[[rule]]\nwho = [\"{who}\"]\nrepositories = [\"team/**\"]\n\
         actions = [\"pull\", \"push\", \"create\"]\n"
    )
}

async fn form(http: &Http, form: &str, authorization: Option<&str>) -> Reply {
    let kind = (CONTENT_TYPE, "application/x-www-form-urlencoded");
    let shown = authorization.map(|value| (AUTHORIZATION, value));
    let headers: Vec<_> = [kind].into_iter().chain(shown).collect();
    http.send(Method::POST, "/v2/_token", &headers, form.to_owned()).await.expect("a reply")
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).expect("JSON")
}

/// A refresh token of whoever has this password.
async fn refresh_token(http: &Http, user: &str, password: &str) -> String {
    let login = "grant_type=password&access_type=offline";
    let login = format!("{login}&username={user}&password={password}");
    let reply = form(http, &login, None).await;
    assert_eq!(reply.status, StatusCode::OK);
    body(&reply)["refresh_token"].as_str().expect("a refresh token").to_owned()
}

async fn redeem(http: &Http, refresh: &str) -> Reply {
    let redeemed = format!("grant_type=refresh_token&refresh_token={refresh}&scope={SCOPE}");
    form(http, &redeemed, None).await
}

#[tokio::test]
async fn a_policy_that_is_edited_counts_for_a_token_that_was_made_before() {
    let program = Program::new().file("policy.toml", &rules("user:alice"));
    let running = Running::start(&program, &["--accounts", "--policy", "policy.toml"]);
    let http = Http::new(running.address);
    let alice = basic("alice", &add(&program, "alice", &[]));
    assert_eq!(push(&http, "team/app", &alice).await, StatusCode::CREATED);
    let bearer = token(&http, &alice, SCOPE).await.expect("a token");
    for (who, expected) in [
        ("user:alice", StatusCode::OK),
        ("user:bob", StatusCode::FORBIDDEN),
        ("user:alice", StatusCode::OK),
    ] {
        fs::write(program.path().join("policy.toml"), rules(who)).expect("edited");
        running.signal(Signal::HUP);
        let began = Instant::now();
        while status(&http, Method::GET, TAGS, &bearer, "").await != expected {
            assert!(began.elapsed() < Duration::from_secs(60), "{who}: never {expected}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn groups_that_are_changed_count_whenever_a_refresh_token_is_shown() {
    let program = Program::new().file("policy.toml", &rules("group:dev"));
    let running = Running::start(&program, &["--accounts", "--policy", "policy.toml"]);
    let http = Http::new(running.address);
    let password = add(&program, "alice", &["--group", "dev"]);
    let refresh = refresh_token(&http, "alice", &password).await;
    for (groups, carries) in [
        (None, SCOPE),
        (Some(["--none"].as_slice()), ""),
        (Some(&["--group", "ops"]), ""),
        (Some(&["--group", "dev"]), SCOPE),
    ] {
        if let Some(groups) = groups {
            let run = program.run(&[&["user", "groups", "alice"], groups].concat());
            assert_eq!(run.code, Some(0), "{run:?}");
        }
        let reply = redeem(&http, &refresh).await;
        assert_eq!((reply.status, &body(&reply)["scope"]), (StatusCode::OK, &carries.into()));
        let bearer = format!("Bearer {}", body(&reply)["token"].as_str().expect("a token"));
        let pushed = push(&http, "team/app", &bearer).await;
        assert_eq!(pushed.is_success(), !carries.is_empty(), "{groups:?}: {pushed}");
    }
}

#[tokio::test]
async fn whoever_is_removed_keeps_a_token_until_it_ends_and_a_successor_gets_what_the_name_owns() {
    let program = Program::new();
    let running = Running::start(&program, &["--accounts"]);
    let http = Http::new(running.address);
    let password = add(&program, "alice", &[]);
    let key = program.run(&["key", "create", "--user", "alice"]).stdout;
    let [old, key] = [&password, key.trim_end()].map(|secret| basic("alice", secret));
    let refresh = refresh_token(&http, "alice", &password).await;
    let bearer = token(&http, &old, SCOPE).await.expect("a token");
    let header = [(AUTHORIZATION, &*bearer)];
    let opened = http.send(Method::POST, "/v2/team/app/blobs/uploads/", &header, "").await;
    let upload = opened.expect("a reply").location().to_owned();
    for is_recreated in [false, true] {
        if is_recreated {
            let new = basic("alice", &add(&program, "alice", &[]));
            let found = status(&http, Method::GET, &upload, &new, "").await;
            assert_eq!(found, StatusCode::NO_CONTENT, "uploads go by name, as repositories do");
        } else {
            assert_eq!(program.run(&["user", "remove", "alice"]).code, Some(0));
        }
        for credential in [&old, &key] {
            let answered = status(&http, Method::GET, &upload, credential, "").await;
            assert_eq!(answered, StatusCode::UNAUTHORIZED, "{is_recreated}");
            let answered = token(&http, credential, SCOPE).await;
            assert_eq!(answered, Err(StatusCode::UNAUTHORIZED), "{is_recreated}");
        }
        let redeemed = redeem(&http, &refresh).await;
        assert_eq!(redeemed.status, StatusCode::UNAUTHORIZED, "{is_recreated}");
        let found = status(&http, Method::GET, &upload, &bearer, "").await;
        assert_eq!(found, StatusCode::NO_CONTENT, "a token is good until it ends");
    }
    let keys = json(&program, &["key", "list", "--json"]);
    assert_eq!(keys.as_array().map(Vec::len), Some(0), "the key went with its user");
}

#[tokio::test]
async fn a_form_is_who_it_says_and_not_who_a_header_beside_it_says() {
    let program = Program::new();
    let running = Running::start(&program, &["--accounts"]);
    let http = Http::new(running.address);
    let [alice, bob] = ["alice", "bob"].map(|user| add(&program, user, &[]));
    let login = |password: &str| format!("grant_type=password&username=alice&password={password}");
    for header in [basic("bob", &bob), basic("bob", "wrong"), "Bearer nonsense".to_owned()] {
        let reply = form(&http, &login(&alice), Some(&header)).await;
        assert_eq!(reply.status, StatusCode::OK, "{header}");
        let token = body(&reply)["token"].as_str().expect("a token").to_owned();
        let claims = token.split('.').nth(1).map(|claims| BASE64_URL_SAFE_NO_PAD.decode(claims));
        let claims: Value =
            serde_json::from_slice(&claims.expect("claims").expect("base64")).expect("JSON");
        assert_eq!(claims["sub"], "alice", "{header}");
        let reply = form(&http, &login("wrong"), Some(&header)).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{header}");
    }
    let reply = form(&http, "service=registry", Some(&basic("bob", &bob))).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "a form without a grant_type is none");
}

#[tokio::test]
async fn a_request_for_33_scopes_is_refused_however_they_are_written() {
    let program = Program::new();
    let running = Running::start(&program, &["--accounts"]);
    let http = Http::new(running.address);
    let scopes = |n: usize, separator: &str| {
        let all: Vec<_> = (0..n).map(|i| format!("repository:a{i}:pull")).collect();
        all.join(separator)
    };
    for separator in ["%20", "+", "&scope="] {
        for (n, expected) in [(32, StatusCode::OK), (33, StatusCode::BAD_REQUEST)] {
            let scopes = format!("scope={}", scopes(n, separator));
            let reply = http.get(&format!("/v2/_token?{scopes}")).await.expect("a reply");
            assert_eq!(reply.status, expected, "{n} {separator}");
        }
    }
    let both = format!("/v2/_token?scope={}&scope=a&scope={}", scopes(16, "+"), scopes(16, "%20"));
    assert_eq!(http.get(&both).await.expect("a reply").status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_data_directory_may_be_a_link_and_is_the_same_directory() {
    let program = Program::new();
    fs::create_dir(program.path().join("disk")).expect("a directory");
    symlink("disk", program.path().join("data")).expect("a link");
    let running = Running::start(&program, &["--accounts", "--data", "data"]);
    let http = Http::new(running.address);
    let added = program.run(&["user", "add", "alice", "--generate", "--data", "data"]);
    let alice = basic("alice", added.stdout.trim_end());
    assert_eq!(push(&http, "alice/app", &alice).await, StatusCode::CREATED);
    for data in ["data", "disk"] {
        let second = program.run(&["serve", "--listen", "127.0.0.1:0", "--data", data]);
        assert_eq!(second.code, Some(3), "{data}: {second:?}");
        assert!(second.stderr.contains("is in use by another registry"), "{second:?}");
    }
    running.signal(Signal::TERM);
    assert_eq!(running.end().0, Some(0));
    let running = Running::start(&program, &["--accounts", "--data", "disk"]);
    let http = Http::new(running.address);
    let listed = status(&http, Method::GET, "/v2/alice/app/tags/list", &alice, "").await;
    assert_eq!(listed, StatusCode::OK);
}
