//! Limits: who asks too much, what outlasts a restart, what a namespace may keep.

use std::time::Duration;

use hyper::{Method, StatusCode, header::CONTENT_TYPE};
use rustix::process::Signal;

use crate::{
    commands::{add, basic, json, push, status, token},
    http::Http,
    program::Program,
    running::Running,
};

#[tokio::test]
async fn whoever_asks_too_often_is_told_when_to_come_back_and_a_restart_is_no_way_around() {
    let program = Program::new();
    // A hundred at once, and three hundred tokens.
    let limits = ["--accounts", "--requests-per-address", "1", "--tokens-per-address", "1"];
    let running = Running::start(&program, &limits);
    let http = Http::new(running.address);
    let alice = basic("alice", &add(&program, "alice", &[]));
    let mut refused = 0;
    for _ in 0..130 {
        let answered = status(&http, Method::GET, "/v2/", &alice, "").await;
        refused += usize::from(answered == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!((1..=30).contains(&refused), "{refused}");
    let reply = http.get("/v2/").await.expect("a reply");
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(reply.header("retry-after"), "1");
    // Tokens have a limit of their own, and probes none.
    assert!(token(&http, &alice, "repository:a:pull").await.is_ok());
    assert_eq!(http.get("/healthz").await.expect("a reply").status, StatusCode::OK);
    running.signal(Signal::TERM);
    running.end();
    let running = Running::start(&program, &limits);
    let http = Http::new(running.address);
    let mut statuses = Vec::new();
    for _ in 0..60 {
        statuses.push(status(&http, Method::GET, "/v2/", &alice, "").await);
    }
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
}

#[tokio::test]
async fn whoever_was_wrong_too_often_waits_after_a_restart_too() {
    let program = Program::new();
    let running = Running::start(&program, &["--accounts"]);
    let http = Http::new(running.address);
    let (right, wrong) = (add(&program, "alice", &[]), basic("alice", "not that"));
    for _ in 0..10 {
        let answered = status(&http, Method::GET, "/v2/", &wrong, "").await;
        assert_eq!(answered, StatusCode::UNAUTHORIZED);
    }
    running.signal(Signal::TERM);
    running.end();
    let running = Running::start(&program, &["--accounts"]);
    let http = Http::new(running.address);
    let answered = status(&http, Method::GET, "/v2/", &basic("alice", &right), "").await;
    assert_eq!(answered, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn whatever_fails_at_an_address_good_keys_and_users_at_home_are_let_in_there() {
    let program = Program::new();
    let running = Running::start(&program, &["--accounts"]);
    let http = Http::new(running.address);
    let alice = basic("alice", &add(&program, "alice", &[]));
    let made = program.run(&["key", "create", "--project", "acme"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let acme = basic("acme", made.stdout.trim_end());
    assert!(token(&http, &alice, "repository:a:pull").await.is_ok(), "this is a home now");
    let refreshed = async |n: usize| {
        let form = format!("grant_type=refresh_token&service=registry&refresh_token=bad{n}");
        let headers = [(CONTENT_TYPE, "application/x-www-form-urlencoded")];
        let reply = http.send(Method::POST, "/v2/_token", &headers, form).await;
        reply.expect("a reply").status
    };
    let mut refused = Vec::new();
    for n in 0..40 {
        refused.push(refreshed(n).await);
        let (password, key) = (basic("nobody", "wrong"), basic("acme", "ocir_project_x"));
        for wrong in [&password, &key, "Bearer wrong"] {
            refused.push(token(&http, wrong, "").await.expect_err("wrong"));
        }
    }
    let mut seen = refused.clone();
    seen.sort();
    seen.dedup();
    assert_eq!(seen, [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS]);
    assert!(refused[130..].iter().all(|status| *status == StatusCode::TOO_MANY_REQUESTS));
    for _ in 0..3 {
        for who in [&acme, &alice] {
            assert!(token(&http, who, "repository:acme/a:pull").await.is_ok(), "for a token");
            let answered = status(&http, Method::GET, "/v2/", who, "").await;
            assert_eq!(answered, StatusCode::OK, "at the API itself");
        }
    }
}

#[tokio::test]
async fn a_machine_to_itself_is_not_limited() {
    let program = Program::new();
    let running = Running::start(&program, &["--requests-per-address", "1"]);
    let http = Http::new(running.address);
    for _ in 0..130 {
        assert_eq!(status(&http, Method::GET, "/v2/", "", "").await, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_namespace_keeps_what_it_may_and_is_counted_when_the_quota_comes_later() {
    let program = Program::new();
    let running = Running::start(&program, &[]);
    assert_eq!(push(&Http::new(running.address), "a/b", "").await, StatusCode::CREATED);
    running.signal(Signal::TERM);
    running.end();
    // The blob has six bytes, and is there already.
    let running = Running::start(&program, &["--stored-per-namespace", "10"]);
    let http = Http::new(running.address);
    assert_eq!(push(&http, "a/c", "").await, StatusCode::FORBIDDEN);
    assert_eq!(push(&http, "b/c", "").await, StatusCode::CREATED);
}

#[tokio::test]
async fn an_upload_that_nobody_goes_on_with_is_dropped_and_counts_no_more() {
    const EXPIRY: Duration = Duration::from_millis(500);
    for quota in [&[][..], &["--stored-per-namespace", "10"]] {
        let program = Program::new();
        let running =
            Running::start(&program, &[&["--upload-expiry", "500ms"][..], quota].concat());
        let http = Http::new(running.address);
        let mut patched = StatusCode::NOT_FOUND;
        // A slow machine may take longer for the two than the upload lasts.
        while patched == StatusCode::NOT_FOUND {
            let begin = "/v2/a/b/blobs/uploads/";
            let reply = http.send(Method::POST, begin, &[], "").await.expect("a reply");
            patched = status(&http, Method::PATCH, reply.location(), "", "8 bytes.").await;
        }
        assert_eq!(patched, StatusCode::ACCEPTED);
        running.signal(Signal::TERM);
        running.end();
        // Nothing but time makes it expire.
        tokio::time::sleep(EXPIRY).await;
        let mut running = Running::start(&program, quota);
        if quota.is_empty() {
            running.wait_for("dropped uploads that had expired");
        }
        assert_eq!(json(&program, &["upload", "list", "--json"]), serde_json::json!([]));
        // The blob has six bytes more.
        assert_eq!(push(&Http::new(running.address), "a/c", "").await, StatusCode::CREATED);
    }
}
