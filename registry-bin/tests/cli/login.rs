//! The settings of how callers log in.

use hyper::{
    Method, StatusCode,
    header::{AUTHORIZATION, HeaderName, WWW_AUTHENTICATE},
};

use crate::{
    commands::{add, basic, json, status, token},
    http::Http,
    program::Program,
    running::Running,
};

const URL: &str = "https://registry.example.com";

#[test]
fn what_is_wrong_with_a_setting_of_logins_stops_the_start() {
    let program = Program::new().file("no-key", "canary\n");
    for (arguments, sentence) in [
        (&["--token-key", "nowhere", "--public-url", URL][..], "cannot sign tokens: "),
        (&["--token-key", "no-key", "--public-url", URL], "cannot sign tokens: "),
        (&["--token-key", "no-key"], "token-key is set (--token-key) but public-url is not; "),
        (&["--token-lifetime", "30s"], "token-lifetime is \"30s\" "),
        (&["--token-lifetime", "2h"], "token-lifetime is \"2h\" "),
        (&["--public-url", "ftp://registry"], "public-url is \"ftp://registry\" "),
        (&["--public-url", "https://registry/path"], "public-url is "),
        (&["--trusted-proxies", "10.0.0.0/8,proxy"], "trusted-proxies is "),
        (&["--refuse-pull-alone", "project-key,keys"], "refuse-pull-alone is "),
        (&["--challenge", "digest"], "challenge is \"digest\" "),
        (&["--audit-log", "no/such/directory"], "the audit log "),
    ] {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--accounts", "--log-level", "off"];
        let run = program.run(&[&serve[..], arguments].concat());
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(run.stderr.starts_with(sentence), "{arguments:?}: {}", run.stderr);
        assert!(!run.stderr.contains("canary") && run.stderr.lines().count() == 1);
    }
}

#[tokio::test]
async fn the_realm_is_the_public_url_or_what_a_trusted_proxy_says() {
    let program = Program::new();
    const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
    const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
    let forwarded = [(HOST, "registry.example.com"), (PROTO, "https")];
    for (arguments, realm) in [
        (&[][..], None),
        (&["--trusted-proxies", "127.0.0.0/8, ::1"], Some("https://registry.example.com")),
        (&["--public-url", "https://r.example.org"], Some("https://r.example.org")),
    ] {
        let arguments = [&["--accounts", "--store", "memory"], arguments].concat();
        let running = Running::start(&program, &arguments);
        let http = Http::new(running.address);
        let reply = http.send(Method::GET, "/v2/", &forwarded, "").await.expect("a reply");
        let own = format!("http://{}", running.address);
        let start = format!("Bearer realm=\"{}/v2/_token\"", realm.unwrap_or(&own));
        assert!(reply.header(WWW_AUTHENTICATE).starts_with(&start), "{arguments:?}: {reply:?}");
    }
}

#[tokio::test]
async fn credentials_that_may_not_pull_alone_get_no_token_for_it() {
    let program = Program::new();
    let arguments = ["--accounts", "--refuse-pull-alone", "project-key"];
    let running = Running::start(&program, &arguments);
    let http = Http::new(running.address);
    let key = program.run(&["key", "create", "--project", "acme"]);
    let acme = basic("acme", key.stdout.trim_end());
    let alice = basic("alice", &add(&program, "alice", &[]));
    let refused = token(&http, &acme, "repository:acme/app:pull").await;
    assert_eq!(refused, Err(StatusCode::FORBIDDEN));
    assert!(token(&http, &acme, "repository:acme/app:pull,push").await.is_ok());
    assert!(token(&http, &alice, "repository:acme/app:pull").await.is_ok());
}

#[tokio::test]
async fn credentials_that_may_not_pull_alone_pull_only_where_they_may_push_however_they_are_shown()
{
    const RULES: &str = r#"
        [[rule]]
        who = ["authenticated"]
        repositories = ["acme/app"]
        actions = ["pull", "push", "create"]

        [[rule]]
        who = ["authenticated"]
        repositories = ["acme/base"]
        actions = ["pull"]
    "#;
    for challenge in ["basic", "bearer"] {
        let program = Program::new().file("policy.toml", RULES);
        let login = ["--accounts", "--policy", "policy.toml", "--challenge", challenge];
        let refuse = ["--refuse-pull-alone", "project-key"];
        let running = Running::start(&program, &[&login[..], &refuse].concat());
        let http = Http::new(running.address);
        let key = program.run(&["key", "create", "--project", "acme"]);
        let acme = basic("acme", key.stdout.trim_end());
        let alice = basic("alice", &add(&program, "alice", &[]));
        for (who, repository, expected) in [
            (&acme, "acme/app", StatusCode::NOT_FOUND),
            (&acme, "acme/base", StatusCode::FORBIDDEN),
            (&alice, "acme/base", StatusCode::NOT_FOUND),
        ] {
            let path = format!("/v2/{repository}/tags/list");
            let reply = status(&http, Method::GET, &path, who, "").await;
            assert_eq!(reply, expected, "{challenge} {repository}");
        }
        if challenge == "bearer" {
            let both = "repository:acme/app:pull,push&scope=repository:acme/base:pull";
            let bearer = token(&http, &acme, both).await.expect("it pushes somewhere");
            let reply = status(&http, Method::GET, "/v2/acme/base/tags/list", &bearer, "").await;
            assert_eq!(reply, StatusCode::UNAUTHORIZED, "insufficient_scope");
        }
    }
}

#[tokio::test]
async fn an_upload_does_not_go_on_with_a_key_that_was_revoked() {
    let program = Program::new();
    let running = Running::start(&program, &["--accounts"]);
    let http = Http::new(running.address);
    let login = || {
        let key = program.run(&["key", "create", "--project", "acme"]);
        basic("acme", key.stdout.trim_end())
    };
    let revoked = login();
    let header = [(AUTHORIZATION, &*revoked)];
    let start = http.send(Method::POST, "/v2/acme/app/blobs/uploads/", &header, "").await;
    let session = start.expect("a reply").location().to_owned();
    assert_eq!(status(&http, Method::GET, &session, &revoked, "").await, StatusCode::NO_CONTENT);
    let keys = json(&program, &["key", "list", "--json"]);
    let id = keys[0]["id"].as_str().expect("an id");
    assert_eq!(program.run(&["key", "revoke", id]).code, Some(0));
    let closing = format!("{session}?digest=sha256:{}", "0".repeat(64));
    for method in [Method::GET, Method::PATCH, Method::PUT, Method::DELETE] {
        let path = if method == Method::PUT { &closing } else { &session };
        let reply = status(&http, method.clone(), path, &revoked, "a blob").await;
        assert_eq!(reply, StatusCode::UNAUTHORIZED, "{method}");
    }
    // It is the project's, which goes on with another.
    let kept = status(&http, Method::GET, &session, &login(), "").await;
    assert_eq!(kept, StatusCode::NO_CONTENT);
}

#[test]
fn the_network_is_served_where_accounts_log_in() {
    let program = Program::new();
    for (arguments, code) in [(&[][..], 0), (&["--anonymous", "all"], 2)] {
        let listen = ["check", "--listen", "0.0.0.0:5000", "--accounts"];
        let run = program.run(&[&listen[..], arguments].concat());
        assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
    }
}
