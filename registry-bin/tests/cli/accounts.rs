//! `user` and `key`, through a running server and on a store that nobody serves.

use std::{io::Write, os::unix::fs::PermissionsExt, process::Stdio, thread};

use hyper::{Method, StatusCode, header::AUTHORIZATION};
use rustix::process::Signal;

use crate::{
    commands::{add, basic, json, push},
    http::Http,
    program::{Program, Run},
    running::Running,
};

const SERVE: [&str; 1] = ["--accounts"];

fn with_input(program: &Program, arguments: &[&str], input: &str) -> Run {
    let mut command = program.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends").into()
}

/// What `/v2/` answers whoever logs in so.
async fn login(running: &Running, user: &str, password: &str) -> u16 {
    let basic = basic(user, password);
    let header = [(AUTHORIZATION, basic.as_str())];
    let http = Http::new(running.address);
    http.send(Method::GET, "/v2/", &header, "").await.expect("a reply").status.as_u16()
}

/// Each command, on a store that somebody serves or not.
async fn every_command_does_what_it_says(program: &Program) {
    let [alice, bob] = ["alice", "bob"].map(|user| add(program, user, &[]));
    assert_ne!(alice, bob);
    let carol = ["user", "add", "carol", "--password-stdin", "--group", "dev", "--group", "ops"];
    assert_eq!(with_input(program, &carol, "a long password\n").code, Some(0));
    let again = program.run(&["user", "add", "alice", "--generate"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(1), ""));
    assert_eq!(again.stderr, "there is a user of this name already\n");
    let users = json(program, &["user", "list", "--json"]);
    let names: Vec<_> = users.as_array().expect("a list").iter().map(|u| &u["name"]).collect();
    assert_eq!(names, ["alice", "bob", "carol"]);
    assert_eq!(users[2]["groups"], serde_json::json!(["dev", "ops"]));
    assert_eq!(program.run(&["user", "groups", "carol", "--group", "ops"]).code, Some(0));
    assert_eq!(program.run(&["user", "disable", "bob"]).code, Some(0));
    let listed = program.run(&["user", "list"]).stdout;
    let rows: Vec<Vec<&str>> =
        listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["NAME", "STATE", "GROUPS", "CREATED"]);
    assert_eq!(rows[2][..2], ["bob", "disabled"]);
    assert_eq!(rows[3][..3], ["carol", "enabled", "ops"]);
    assert_eq!(program.run(&["user", "enable", "bob"]).code, Some(0));
    let short = with_input(program, &["user", "passwd", "bob", "--password-stdin"], "ocir_x\n");
    assert_eq!(short.code, Some(1), "no password starts as keys do: {short:?}");
    assert_eq!(program.run(&["user", "passwd", "bob", "--generate"]).code, Some(0));
    let create =
        ["key", "create", "--user", "alice", "--expires", "90d", "--description", "laptop"];
    let key = program.run(&create);
    assert!(key.stdout.starts_with("ocir_user_") && key.stdout.lines().count() == 1, "{key:?}");
    for owner in [["--project", "acme/team"], ["--runner", "acme/app"]] {
        assert_eq!(program.run(&[&["key", "create"][..], &owner].concat()).code, Some(0));
    }
    let keys = json(program, &["key", "list", "--json"]);
    assert_eq!(keys.as_array().expect("a list").len(), 3);
    let of_alice = json(program, &["key", "list", "--user", "alice", "--json"]);
    assert_eq!(of_alice[0]["description"], "laptop");
    assert_eq!(of_alice[0]["state"], "good");
    let id = of_alice[0]["id"].as_str().expect("an id");
    assert!(key.stderr.contains(id), "{key:?}");
    assert_eq!(program.run(&["key", "revoke", id]).code, Some(0));
    assert_eq!(json(program, &["key", "list", "--user", "alice", "--json"])[0]["state"], "revoked");
    assert_eq!(program.run(&["user", "remove", "carol"]).code, Some(0));
    let gone = program.run(&["user", "remove", "carol"]);
    assert_eq!((gone.code, gone.stderr.as_str()), (Some(1), "there is no such user or key\n"));
    for nonsense in [
        &["user", "add", "Alice", "--generate"][..],
        &["user", "add", "dave", "--generate", "--password-stdin"],
        &["key", "create"],
        &["key", "create", "--user", "alice", "--project", "acme"],
        &["key", "revoke", "x"],
    ] {
        assert_eq!(program.run(nonsense).code, Some(2), "{nonsense:?}");
    }
}

#[tokio::test]
async fn commands_reach_the_server_that_has_the_store() {
    let program = Program::new();
    let running = Running::start(&program, &SERVE);
    let socket = program.path().join("registry-data/control.sock");
    let mode = std::fs::symlink_metadata(&socket).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    every_command_does_what_it_says(&program).await;
    running.signal(Signal::TERM);
    assert_eq!(running.end().0, Some(0));
    assert!(!socket.exists());
}

#[tokio::test]
async fn commands_work_on_a_store_that_nobody_serves() {
    let program = Program::new();
    let none = program.run(&["user", "list"]);
    assert_eq!(none.code, Some(3));
    assert!(none.stderr.starts_with("there is no store in "), "{none:?}");
    let data = program.path().join("registry-data");
    assert!(!data.exists());
    // Neither reading nor writing makes one of a directory that somebody else made.
    std::fs::create_dir(&data).expect("a directory");
    for words in [&["user", "list"][..], &["key", "list"], &["user", "add", "alice", "--generate"]]
    {
        let none = program.run(words);
        assert_eq!(none.code, Some(3), "{words:?}");
        assert!(none.stderr.starts_with("there is no store in "), "{none:?}");
        assert_eq!(std::fs::read_dir(&data).expect("a directory").count(), 0, "{words:?}");
    }
    let running = Running::start(&program, &SERVE);
    running.signal(Signal::TERM);
    running.end();
    every_command_does_what_it_says(&program).await;
}

#[tokio::test]
async fn a_change_holds_at_once_and_after_a_restart() {
    let program = Program::new();
    let running = Running::start(&program, &SERVE);
    let alice = add(&program, "alice", &[]);
    assert_eq!(login(&running, "alice", &alice).await, 200);
    assert_eq!(login(&running, "alice", "wrong").await, 401);
    let key = program.run(&["key", "create", "--user", "alice"]);
    let key = key.stdout.trim_end();
    assert_eq!(login(&running, "alice", key).await, 200);
    assert_eq!(login(&running, "bob", key).await, 401, "another's name");
    // A killed server leaves its socket behind.
    running.signal(Signal::KILL);
    running.end();
    let running = Running::start(&program, &SERVE);
    assert_eq!(login(&running, "alice", &alice).await, 200);
    assert_eq!(login(&running, "alice", key).await, 200);
    let keys = json(&program, &["key", "list", "--json"]);
    assert_eq!(
        program.run(&["key", "revoke", keys[0]["id"].as_str().expect("an id")]).code,
        Some(0)
    );
    assert_eq!(login(&running, "alice", key).await, 401);
    assert_eq!(program.run(&["user", "disable", "alice"]).code, Some(0));
    assert_eq!(login(&running, "alice", &alice).await, 401);
    assert_eq!(program.run(&["user", "enable", "alice"]).code, Some(0));
    assert_eq!(login(&running, "alice", &alice).await, 200);
}

#[test]
fn a_command_without_a_server_says_that_a_change_is_not_audited_and_reads_leave_no_log() {
    const UNAUDITED: &str = "this is in no audit log: the configuration names none\n";
    let program = Program::new();
    assert_eq!(program.run(&["init"]).code, Some(0));
    let add = program.run(&["user", "add", "alice", "--generate"]);
    assert!(add.stderr.contains(UNAUDITED), "{add:?}");
    let again = program.run(&["user", "add", "alice", "--generate"]);
    assert!(!again.stderr.contains(UNAUDITED), "nothing was changed: {again:?}");
    assert_eq!(program.run(&["user", "list"]).stderr, "");
    let program = program.variable("REGISTRY_AUDIT_LOG", "audit.jsonl");
    let log = program.path().join("audit.jsonl");
    for words in [&["user", "list"][..], &["explain", "alice", "pull", "alice/app"]] {
        assert_ne!(program.run(words).code, Some(2), "{words:?}");
        assert!(!log.exists(), "{words:?}");
    }
    let disable = program.run(&["user", "disable", "alice"]);
    assert_eq!((disable.code, disable.stderr.as_str()), (Some(0), "disabled user alice\n"));
    assert!(std::fs::read_to_string(log).expect("a log").contains("user disable"));
    let _running = Running::start(&program, &[]);
    let enable = program.run(&["user", "enable", "alice"]);
    assert_eq!(enable.stderr, "enabled user alice\n", "the server audits it");
}

#[tokio::test]
async fn whoever_removes_a_user_or_adds_one_of_the_same_name_is_told_what_it_owns() {
    const OWNS: &str = "whoever has the name alice owns alice/app: ";
    let program = Program::new();
    let running = Running::start(&program, &SERVE);
    let http = Http::new(running.address);
    let [alice, _] = ["alice", "bob"].map(|user| add(&program, user, &[]));
    assert_eq!(push(&http, "alice/app", &basic("alice", &alice)).await, StatusCode::CREATED);
    let removed = program.run(&["user", "remove", "alice"]);
    assert!(removed.stderr.contains(OWNS), "{removed:?}");
    let added = program.run(&["user", "add", "alice", "--generate"]);
    assert!(added.stderr.contains(OWNS), "{added:?}");
    assert_eq!(program.run(&["user", "remove", "bob"]).stderr, "removed user bob\n");
    let set = ["repository", "set", "alice/app", "--owner", "nobody"];
    assert_eq!(program.run(&set).code, Some(0));
    assert_eq!(program.run(&["user", "remove", "alice"]).stderr, "removed user alice\n");
}

#[test]
fn two_changes_at_once_are_both_done() {
    let program = Program::new();
    let running = Running::start(&program, &SERVE);
    let both = |program: &Program, users: [&str; 2]| {
        thread::scope(|scope| {
            let adding = users.map(|user| scope.spawn(move || add(program, user, &[])));
            for thread in adding {
                thread.join().expect("it is added");
            }
        });
    };
    both(&program, ["alice", "bob"]);
    running.signal(Signal::TERM);
    running.end();
    both(&program, ["carol", "dave"]);
    let users = json(&program, &["user", "list", "--json"]);
    assert_eq!(users.as_array().expect("a list").len(), 4);
}

#[tokio::test]
async fn a_store_in_memory_is_changed_through_its_server_alone() {
    let program = Program::new();
    let memory = ["--store", "memory"];
    let run = program.run(&[&["user", "list"][..], &memory].concat());
    assert_eq!(run.code, Some(3));
    assert!(run.stderr.starts_with("no server answers at "), "{run:?}");
    let running = Running::start(&program, &[&SERVE[..], &memory].concat());
    let alice = add(&program, "alice", &memory);
    assert_eq!(login(&running, "alice", &alice).await, 200);
    running.signal(Signal::KILL);
    running.end();
    // What is left of it does not make the directory somebody else's.
    let running = Running::start(&program, &SERVE);
    assert_eq!(login(&running, "alice", &alice).await, 401);
}

#[test]
fn a_server_that_keeps_no_accounts_says_so() {
    let program = Program::new();
    let _running = Running::start(&program, &[]);
    let run = program.run(&["user", "add", "alice", "--generate"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
    assert_eq!(run.stderr, "this server keeps no users and keys: start it with --accounts\n");
}

#[test]
fn a_password_is_not_asked_for_where_nobody_can_type_it() {
    let program = Program::new();
    let run = with_input(&program, &["user", "add", "alice"], "secret\n");
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("--password-stdin"), "{run:?}");
    let run = program.run(&["user", "add", "alice", "--password", "secret"]);
    assert_eq!(run.code, Some(2), "a password is no argument");
}

#[tokio::test]
async fn a_data_directory_with_a_long_path_is_served_without_accounts_and_refused_with_them() {
    let program = Program::new();
    let data = "d".repeat(120);
    let mut running = Running::start(&program, &["--data", &data]);
    running.wait_for("the server cannot be commanded while it runs");
    let run = program.run(&["user", "list", "--data", &data]);
    assert_eq!(run.code, Some(3));
    assert!(run.stderr.contains("choose a shorter --data"), "{run:?}");
    running.signal(Signal::TERM);
    running.end();
    let run = program.run(&["user", "list", "--data", &data]);
    assert_eq!(run.code, Some(0), "nobody has the store: {run:?}");
    let run = program.run(&["serve", "--listen", "127.0.0.1:0", "--accounts", "--data", &data]);
    assert_eq!(run.code, Some(3));
    assert!(run.stderr.contains("\nthe path of the control socket, "), "{run:?}");
}

#[tokio::test]
async fn whoever_is_no_user_gets_nothing() {
    let program = Program::new();
    let running = Running::start(&program, &SERVE);
    let http = Http::new(running.address);
    let reply = http.get("/v2/_catalog").await.expect("a reply");
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
}
