//! `user` and `key`, through a running server and on a store that nobody serves.

use std::{
    io::{ErrorKind, Write},
    os::unix::fs::PermissionsExt,
    process::Stdio,
    thread,
};

use hyper::{
    Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use rustix::process::Signal;

use crate::{
    commands::{add, basic, in_file, json, push},
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
    // One that does not ask may end before it is written.
    match stdin.write_all(input.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("{error}"),
        _ => drop(stdin),
    }
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

#[tokio::test]
async fn a_damaged_user_hides_no_other_and_can_be_removed() {
    let program = Program::new();
    let running = Running::start(&program, &SERVE);
    for user in ["alice", "bob", "carol"] {
        add(&program, user, &[]);
    }
    running.signal(Signal::TERM);
    running.end();
    let file = program.path().join("registry-data/x-accounts/user/bob!");
    for is_served in [true, false] {
        std::fs::write(&file, "not what it was").expect("a file");
        let running = is_served.then(|| Running::start(&program, &SERVE));
        for words in [&["user", "list"][..], &["user", "list", "--json"]] {
            let list = program.run(words);
            assert_eq!(list.code, Some(1), "{list:?}");
            let is_listed = |name| list.stdout.contains(name);
            assert_eq!(["alice", "bob", "carol"].map(is_listed), [true, false, true], "{list:?}");
            assert!(list.stderr.contains("\n    x-accounts/user/bob\n"), "{list:?}");
        }
        let remove = program.run(&["user", "remove", "bob"]);
        assert!(remove.stderr.contains("removed user bob\n"), "{remove:?}");
        assert_eq!(remove.code, Some(0));
        assert_eq!(program.run(&["user", "remove", "bob"]).code, Some(1));
        assert_eq!(program.run(&["user", "list"]).code, Some(0));
        let bob = add(&program, "bob", &[]);
        if let Some(running) = running {
            assert_eq!(login(&running, "bob", &bob).await, 200);
            running.signal(Signal::TERM);
            running.end();
        }
    }
}

#[test]
fn what_user_list_advises_removes_also_a_record_whose_name_is_no_users() {
    let program = Program::new();
    let running = Running::start(&program, &SERVE);
    add(&program, "alice", &[]);
    running.signal(Signal::TERM);
    running.end();
    let users = program.path().join("registry-data/x-accounts/user");
    for is_served in [true, false] {
        std::fs::copy(users.join("alice!"), users.join("Bob!")).expect("a file");
        std::fs::write(users.join("Carol!"), "no record").expect("a file");
        let _running = is_served.then(|| Running::start(&program, &SERVE));
        let list = program.run(&["user", "list"]);
        assert_eq!(list.code, Some(1), "{list:?}");
        assert!(list.stderr.contains("`registry-bin user remove RECORD` deletes one"), "{list:?}");
        let records: Vec<_> =
            list.stderr.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        assert_eq!(records, ["x-accounts/user/Bob", "x-accounts/user/Carol"], "{list:?}");
        for record in records {
            let remove = program.run(&["user", "remove", record]);
            let done = format!("removed record {record}\n");
            assert_eq!(remove.code, Some(0), "{remove:?}");
            assert!(remove.stderr.ends_with(&done), "{remove:?}");
        }
        let good = program.run(&["user", "remove", "x-accounts/user/alice"]);
        let no = "x-accounts/user/alice is no record that is damaged\n";
        assert_eq!((good.code, good.stderr.as_str()), (Some(1), no));
        for nonsense in ["Bob", "x-accounts/key/Bob", "tag/a"] {
            assert_eq!(program.run(&["user", "remove", nonsense]).code, Some(2), "{nonsense}");
        }
        let list = json(&program, &["user", "list", "--json"]);
        assert_eq!(list.as_array().expect("a list").len(), 1);
    }
}

#[tokio::test]
async fn a_damaged_key_hides_no_other_and_can_be_revoked() {
    let program = Program::new();
    let running = Running::start(&program, &["--accounts", "--audit-log", "audit.jsonl"]);
    add(&program, "alice", &[]);
    let mut ids = [(); 3].map(|()| {
        let made = json(&program, &["key", "create", "--user", "alice", "--json"]);
        made["created-key"]["entry"]["id"].as_str().expect("an id").to_owned()
    });
    ids.sort();
    let [first, damaged, last] = ids;
    running.signal(Signal::TERM);
    running.end();
    let record = format!("x-accounts/key/{damaged}");
    let file = program.path().join(format!("registry-data/{record}!"));
    let program = program.variable("REGISTRY_AUDIT_LOG", "audit.jsonl");
    for (is_served, named) in
        [(true, &damaged), (false, &damaged), (true, &record), (false, &record)]
    {
        std::fs::write(&file, "not what it was").expect("a file");
        let running = is_served.then(|| Running::start(&program, &SERVE));
        for words in [&["key", "list"][..], &["key", "list", "--user", "alice", "--json"]] {
            let list = program.run(words);
            assert_eq!(list.code, Some(1), "{list:?}");
            let is_listed = |id: &String| list.stdout.contains(id);
            assert_eq!([&first, &damaged, &last].map(is_listed), [true, false, true], "{list:?}");
            assert!(list.stderr.ends_with(&format!("\n    {record}\n")), "{list:?}");
        }
        let revoke = program.run(&["key", "revoke", named]);
        assert_eq!(revoke.code, Some(0), "{revoke:?}");
        assert!(!file.exists());
        assert_eq!(program.run(&["key", "revoke", named]).code, Some(1));
        assert_eq!(program.run(&["key", "list"]).code, Some(0));
        drop(running);
    }
    let audit = std::fs::read_to_string(program.path().join("audit.jsonl")).expect("a log");
    for resource in [format!("\"key:{damaged}\""), format!("\"{record}\"")] {
        let kept = audit.lines().filter(|line| line.contains(&resource)).count();
        assert_eq!(kept, 4, "{resource}: {audit}");
    }
}

#[tokio::test]
async fn whoever_is_logged_out_has_to_show_the_password_again() {
    let program = Program::new();
    let running = Running::start(&program, &["--accounts", "--audit-log", "audit.jsonl"]);
    let http = Http::new(running.address);
    let alice = basic("alice", &add(&program, "alice", &[]));
    let header = [(AUTHORIZATION, alice.as_str())];
    let path = "/v2/_token?service=registry&offline_token=true";
    let reply = http.send(Method::GET, path, &header, "").await.expect("a reply");
    let reply: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
    let token = reply["refresh_token"].as_str().expect("a refresh token");
    let form = format!("grant_type=refresh_token&service=registry&refresh_token={token}");
    let kind = [(CONTENT_TYPE, "application/x-www-form-urlencoded")];
    let redeem = async || {
        let reply = http.send(Method::POST, "/v2/_token", &kind, form.clone()).await;
        reply.expect("a reply").status
    };
    assert_eq!(redeem().await, StatusCode::OK);
    let logout = program.run(&["user", "logout", "alice"]);
    assert_eq!((logout.code, logout.stderr.as_str()), (Some(0), "logged out user alice\n"));
    assert_eq!(redeem().await, StatusCode::UNAUTHORIZED);
    let again = http.send(Method::GET, path, &header, "").await.expect("a reply");
    assert_eq!(again.status, StatusCode::OK, "the password is as good as before");
    assert_eq!(program.run(&["user", "logout", "bob"]).code, Some(1));
    let audit = std::fs::read_to_string(program.path().join("audit.jsonl")).expect("a log");
    let kept =
        audit.lines().any(|line| line.contains("user logout") && line.contains("user:alice"));
    assert!(kept, "{audit}");
}

#[test]
fn groups_are_changed_only_where_it_is_said_to_which() {
    let program = Program::new();
    let _running = Running::start(&program, &SERVE);
    add(&program, "alice", &["--group", "ops", "--group", "dev"]);
    let groups = |more: &[&str]| program.run(&[&["user", "groups", "alice"], more].concat());
    let shown = || json(&program, &["user", "list", "--json"])[0]["groups"].clone();
    let unsaid = groups(&[]);
    assert_eq!((unsaid.code, unsaid.stdout.as_str()), (Some(2), ""));
    assert!(unsaid.stderr.contains("--group") && unsaid.stderr.contains("--none"), "{unsaid:?}");
    assert_eq!(groups(&["--none", "--group", "dev"]).code, Some(2));
    assert_eq!(shown(), serde_json::json!(["dev", "ops"]));
    assert_eq!(groups(&["--group", "qa", "--group", "dev"]).code, Some(0));
    assert_eq!(shown(), serde_json::json!(["dev", "qa"]));
    assert_eq!(groups(&["--none"]).code, Some(0));
    assert_eq!(shown(), serde_json::json!([]));
    assert_eq!(program.run(&["user", "groups", "bob", "--none"]).code, Some(1));
}

#[test]
fn whoever_removes_a_user_is_told_of_one_of_the_same_name_in_a_file() {
    const STILL: &str = "there is still a user alice in the file of --htpasswd";
    let program =
        Program::new().file("users", &in_file("alice")).variable("REGISTRY_HTPASSWD", "users");
    let mut running = Some(Running::start(&program, &SERVE));
    for _ in ["served", "not served"] {
        let removed = ["alice", "bob"].map(|user| {
            add(&program, user, &[]);
            program.run(&["user", "remove", user])
        });
        let are_warned = removed.each_ref().map(|run| run.stderr.contains(STILL));
        assert_eq!(are_warned, [true, false], "{removed:?}");
        assert!(removed.iter().all(|run| run.code == Some(0)), "{removed:?}");
        drop(running.take());
    }
    // What is wrong with the file keeps nobody from being removed.
    add(&program, "alice", &[]);
    let program = program.file("users", "nonsense\n");
    assert_eq!(program.run(&["user", "remove", "alice"]).code, Some(0));
}

#[tokio::test]
async fn a_user_of_a_file_can_own_a_repository_whatever_its_name() {
    let program = Program::new();
    let running = Running::start(&program, &[]);
    let http = Http::new(running.address);
    assert_eq!(push(&http, "team/app", "").await, StatusCode::CREATED);
    let set = |owner| program.run(&["repository", "set", "team/app", "--owner", owner]);
    let changed = set("user:Bob@corp");
    assert_eq!(changed.code, Some(0), "{changed:?}");
    let owner = json(&program, &["repository", "list", "--json"])[0]["owner"].clone();
    assert_eq!(owner, "user:Bob@corp");
    for nobody in ["user:", "user:a:b", "Bob@corp"] {
        assert_eq!(set(nobody).code, Some(2), "{nobody}");
    }
}

#[test]
fn no_token_is_made_for_whoever_is_disabled_or_nobody() {
    let program = Program::new();
    let _running = Running::start(&program, &SERVE);
    add(&program, "alice", &[]);
    let mint = |user| program.run(&["token", "mint", "--user", user]);
    assert_eq!(mint("alice").code, Some(0));
    assert_eq!(program.run(&["user", "disable", "alice"]).code, Some(0));
    for user in ["alice", "bob"] {
        let run = mint(user);
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{run:?}");
        assert_eq!(run.stderr, "there is no such user, or it is disabled\n");
    }
}
