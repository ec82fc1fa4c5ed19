//! Users from an htpasswd file.

use hyper::{
    Method, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use rustix::process::Signal;

use crate::{commands::in_file, http::Http, program::Program, running::Running};

/// `alice` and her password, as they are sent.
const RIGHT: &str = "Basic YWxpY2U6VSpVKlU=";
/// `alice` and `canary`.
const WRONG: &str = "Basic YWxpY2U6Y2FuYXJ5";
const PUSH: &str = "/v2/some/app/blobs/uploads/";

async fn status(http: &Http, method: Method, path: &str, authorization: &str) -> StatusCode {
    let header = [(AUTHORIZATION, authorization)];
    let headers = if authorization.is_empty() { &[][..] } else { &header };
    http.send(method, path, headers, "").await.expect("a reply").status
}

#[tokio::test]
async fn users_may_do_everything_and_others_what_anonymous_says() {
    let program = Program::new().file("users", &in_file("alice"));
    // For a push, for a catalog, and for a push of a user.
    for (arguments, push, read, users) in [
        (&["--htpasswd", "users"][..], 401, 401, 202),
        (&["--htpasswd", "users", "--anonymous", "none"], 401, 401, 202),
        (&["--htpasswd", "users", "--anonymous", "pull"], 401, 200, 202),
        (&["--htpasswd", "users", "--anonymous", "all"], 202, 200, 202),
        (&["--htpasswd", "users", "--anonymous", "pull", "--read-only"], 401, 200, 405),
        (&[], 202, 200, 202),
        (&["--anonymous", "pull"], 403, 200, 403),
    ] {
        let running = Running::start(&program, arguments);
        let http = Http::new(running.address);
        let is = |status: u16| StatusCode::from_u16(status).expect("a status");
        assert_eq!(status(&http, Method::POST, PUSH, "").await, is(push), "{arguments:?}");
        let catalog = status(&http, Method::GET, "/v2/_catalog", "").await;
        assert_eq!(catalog, is(read), "{arguments:?}");
        assert_eq!(status(&http, Method::POST, PUSH, RIGHT).await, is(users), "{arguments:?}");
        let wrong = status(&http, Method::GET, "/v2/_catalog", WRONG).await;
        let refused = arguments.contains(&"--htpasswd");
        assert_eq!(wrong, is(if refused { 401 } else { read }), "{arguments:?}");
    }
}

#[tokio::test]
async fn with_rules_users_and_others_may_do_what_they_say() {
    const RULES: &str = "
        [[rule]]
        who = [\"everybody\"]
        repositories = [\"**\"]
        actions = [\"pull\", \"catalog\"]
        [[rule]]
        who = [\"authenticated\"]
        repositories = [\"{user}/**\"]
        actions = [\"push\", \"create\"]";
    const OWN: &str = "/v2/alice/app/blobs/uploads/";
    let program = Program::new().file("users", &in_file("alice")).file("rules", RULES);
    let files = ["--htpasswd", "users", "--policy", "rules"];
    // For a catalog, for alice's push to her own and to another's, and for a push to alice's.
    for (more, read, own, other, stranger) in [
        (&[][..], 200, 202, 403, 401),
        (&["--anonymous", "none"], 401, 202, 403, 401),
        (&["--read-only"], 200, 405, 405, 405),
    ] {
        let running = Running::start(&program, &[&files[..], more].concat());
        let http = Http::new(running.address);
        for (method, path, authorization, expected) in [
            (Method::GET, "/v2/_catalog", "", read),
            (Method::POST, OWN, RIGHT, own),
            (Method::POST, PUSH, RIGHT, other),
            (Method::POST, OWN, "", stranger),
        ] {
            let answered = status(&http, method, path, authorization).await;
            assert_eq!(answered.as_u16(), expected, "{more:?} {path} {authorization}");
        }
    }
    let listen = ["check", "--listen", "0.0.0.0:5000"];
    let run = program.run(&[&listen[..], &files].concat());
    assert_eq!(run.code, Some(0), "no stranger may write: {}", run.stderr);
}

#[tokio::test]
async fn whoever_does_not_log_in_is_told_how_and_whoever_guesses_to_wait() {
    let program = Program::new().file("users", &in_file("alice"));
    let running = Running::start(&program, &["--htpasswd", "users"]);
    let http = Http::new(running.address);
    let reply = http.get("/v2/").await.expect("a reply");
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    let realm = format!("http://{}/v2/_token", running.address);
    let bearer = format!("Bearer realm=\"{realm}\",service=\"registry\"");
    assert_eq!(reply.header(WWW_AUTHENTICATE), bearer);
    let basic = Running::start(
        &program,
        &["--htpasswd", "users", "--challenge", "basic", "--store", "memory"],
    );
    let reply = Http::new(basic.address).get("/v2/").await.expect("a reply");
    assert_eq!(reply.header(WWW_AUTHENTICATE), "Basic realm=\"registry\"");
    assert_eq!(http.get("/healthz").await.expect("a reply").status, StatusCode::OK);
    for _ in 0..10 {
        let wrong = status(&http, Method::GET, "/v2/", WRONG).await;
        assert_eq!(wrong, StatusCode::UNAUTHORIZED);
    }
    let header = [(AUTHORIZATION, RIGHT)];
    let reply = http.send(Method::GET, "/v2/", &header, "").await.expect("a reply");
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = reply.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test]
async fn neither_passwords_nor_hashes_are_in_the_log() {
    let program = Program::new().file("users", &in_file("alice"));
    let running = Running::start(&program, &["--htpasswd", "users", "--log-level", "trace"]);
    let http = Http::new(running.address);
    for authorization in [RIGHT, WRONG, "Basic Y2FuYXJ5OmNhbmFyeQ==", "Bearer canary"] {
        status(&http, Method::GET, "/v2/", authorization).await;
    }
    running.signal(Signal::TERM);
    let log = running.end().1.join("\n");
    assert!(log.contains("compared a password") && log.contains("credentials refused"), "{log}");
    for secret in ["U*U*U", "canary", "OAcXxm9kjPGE", &RIGHT[6..], &WRONG[6..], "Y2FuYXJ5"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn a_file_that_is_missing_or_broken_is_one_sentence_with_code_2() {
    let program = Program::new().file("users", &format!("{}bob:canary\n", in_file("alice")));
    let directory = program.path().canonicalize().expect("a path");
    for (file, sentence) in [
        ("nowhere", " cannot be read: No such file or directory (os error 2)"),
        (
            "users",
            " line 2: what follows the name is not a bcrypt hash, which begin with $2a$, \
                   $2b$ or $2y$; `htpasswd -B` makes one",
        ),
    ] {
        let sentence = format!("{}{sentence}\n", directory.join(file).display());
        for command in [&["check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let run = program.run(&[command, &["--htpasswd", file]].concat());
            assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{command:?} {file}");
            assert_eq!(run.stderr, sentence, "{command:?}");
        }
    }
    assert!(!directory.join("registry-data").exists());
}

#[test]
fn the_network_is_served_where_only_users_may_write() {
    let program = Program::new().file("users", &in_file("alice"));
    for (arguments, code) in [
        (&["--htpasswd", "users"][..], 0),
        (&["--htpasswd", "users", "--anonymous", "pull"], 0),
        (&["--anonymous", "pull"], 0),
        (&["--htpasswd", "users", "--anonymous", "all"], 2),
    ] {
        let run = program.run(&[&["check", "--listen", "0.0.0.0:5000"], arguments].concat());
        assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_person_is_told_to_log_in() {
    let program = Program::new().file("users", &in_file("alice"));
    let arguments = ["--htpasswd", "users", "--log-format", "human"];
    let mut running = Running::start(&program, &arguments);
    running.wait_for(&format!("    docker login {}", running.address));
}
