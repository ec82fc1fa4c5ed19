//! The first minutes: `init`, `serve`, a login, a push, and what the second user sees.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Output,
    thread,
};

use hyper::{Method, header::WWW_AUTHENTICATE};
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    commands::{add, basic, json, push, status, token},
    http::Http,
    program::{Program, Run},
    running::Running,
};

/// The password that `init` shows.
fn password(stdout: &str) -> &str {
    let line = stdout.lines().find_map(|line| line.strip_prefix("password  "));
    line.and_then(|line| line.split_whitespace().next()).expect("a password")
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("a file").permissions().mode() & 0o7777
}

#[tokio::test]
async fn what_init_makes_is_served_and_means_what_its_comments_say() {
    let program = Program::new();
    let init = program.run(&["init"]);
    assert_eq!((init.code, init.stderr.as_str()), (Some(0), ""), "{init:?}");
    let admin = basic("admin", password(&init.stdout));
    // Nothing on the command line but the port: the file is found.
    let mut running = Running::start(&program, &["--audit-log", "audit.jsonl"]);
    let http = Http::new(running.address);
    let reply = http.get("/v2/").await.expect("a reply");
    let challenge = format!("Bearer realm=\"http://{}/v2/_token\"", running.address);
    assert!(reply.header(WWW_AUTHENTICATE).starts_with(&challenge), "{reply:?}");
    let alice = basic("alice", &add(&program, "alice", &[]));
    // Who, to where, and what comes of it.
    for (who, repository, expected) in [
        (&admin, "admin/app", 201),
        (&admin, "team/app", 201),
        (&alice, "alice/app", 201),
        (&alice, "team/app", 403),
        (&String::new(), "team/app", 401),
    ] {
        assert_eq!(push(&http, repository, who).await.as_u16(), expected, "{repository}");
    }
    running.wait_for("no rule allows it");
    // The same by a token, which carries no more than what its user may do.
    let scope = "repository:team/app:pull%20repository:alice/app:pull,push";
    let bearer = token(&http, &alice, scope).await.expect("a token");
    let tags = "/v2/team/app/tags/list";
    assert_eq!(status(&http, Method::GET, tags, &bearer, "").await, 401, "insufficient_scope");
    assert_eq!(push(&http, "team/app", &bearer).await.as_u16(), 401);
    assert_eq!(push(&http, "alice/app", &bearer).await.as_u16(), 201);
    let scopes = ["--scope", "repository:team/app:pull", "--scope", "repository:alice/app:pull"];
    let minted = program.run(&[&["token", "mint", "--user", "alice"][..], &scopes].concat());
    assert_eq!(
        minted.stderr.lines().next(),
        Some("a token that carries repository:alice/app:pull, good for 300 seconds:")
    );
    let bearer = format!("Bearer {}", minted.stdout.trim_end());
    let own = "/v2/alice/app/tags/list";
    assert_eq!(status(&http, Method::GET, own, &bearer, "").await, 200);
    // A group, an owner and a public repository change it without a restart.
    assert_eq!(program.run(&["user", "groups", "alice", "--group", "team"]).code, Some(0));
    assert_eq!(push(&http, "team/app", &alice).await.as_u16(), 201);
    let explained = program.run(&["explain", "alice", "push", "team/app"]);
    assert_eq!(
        explained.stdout,
        "allowed\npush: rule 3 \"namespace of a group\" allows it\n\
         the repository is private and owned by user:admin\n"
    );
    let anonymous = ["explain", "anonymous", "pull", "team/app"];
    assert_eq!(program.run(&anonymous).code, Some(1));
    assert_eq!(status(&http, Method::GET, tags, "", "").await, 401);
    let public = ["repository", "set", "team/app", "--visibility", "public"];
    assert_eq!(program.run(&public).code, Some(0));
    assert_eq!(program.run(&anonymous).code, Some(0));
    assert_eq!(status(&http, Method::GET, tags, "", "").await, 200);
    assert_eq!(
        program.run(&["repository", "set", "team/app", "--owner", "user:bob"]).code,
        Some(0)
    );
    let repositories = json(&program, &["repository", "list", "--json"]);
    let team = repositories.as_array().expect("a list").iter().find(|r| r["name"] == "team/app");
    let team = team.expect("the repository");
    assert_eq!((&team["owner"], &team["visibility"]), (&"user:bob".into(), &"public".into()));
    // A project's key reaches what it is for.
    let key = program.run(&["key", "create", "--project", "acme"]);
    let key = basic("acme", key.stdout.trim_end());
    assert_eq!(push(&http, "acme/app", &key).await.as_u16(), 201);
    assert_eq!(push(&http, "team/app", &key).await.as_u16(), 403);
    // Every file of its own is its user's alone.
    let data = program.path().join("registry-data");
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("control.sock")), 0o600);
    assert_eq!(mode(&data.join("token-keys")), 0o700);
    for entry in fs::read_dir(data.join("token-keys")).expect("keys") {
        assert_eq!(mode(&entry.expect("an entry").path()), 0o600);
    }
    assert_eq!(mode(&program.path().join("audit.jsonl")), 0o600);
    running.signal(Signal::TERM);
    let (_, log) = running.end();
    let of_keys = ["User(alice)", "Project(acme)"].map(|who| {
        let refused = log.iter().filter(|line| line.contains(who) && line.contains("\"refused\""));
        let refused: Vec<_> = refused.map(|line| line.contains("\"credential\"")).collect();
        assert!(!refused.is_empty(), "{who}: {log:?}");
        refused.contains(&true)
    });
    assert_eq!(of_keys, [false, true], "refresh tokens hang on the id of a login: {log:?}");
    let audit = fs::read_to_string(program.path().join("audit.jsonl")).expect("a log");
    let events: Vec<Value> =
        audit.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let has = |action: &str, resource: &str, reason: &str| {
        events.iter().any(|event| {
            event["action"] == action
                && event["resource"].as_str().unwrap_or_default().contains(resource)
                && event["reason"].as_str().unwrap_or_default().contains(reason)
        })
    };
    let by = |kind: &str| -> Vec<bool> {
        let by = events.iter().filter(|event| event["credential"] == kind);
        by.map(|event| event["credential_id"].is_string()).collect()
    };
    let [by_password, by_key] = ["password", "project-key"].map(by);
    assert!(!by_password.is_empty() && !by_password.contains(&true), "{audit}");
    assert!(!by_key.is_empty() && !by_key.contains(&false), "{audit}");
    assert!(has("admin", "user:alice", "user add"), "{audit}");
    assert!(has("admin", "team/app", "repository set"), "{audit}");
    assert!(has("key-created", "project:acme", "key create"), "{audit}");
    assert!(has("login", "repository:alice/app:pull", ""), "{audit}");
}

#[tokio::test]
async fn what_init_says_to_do_next_works_as_it_is_printed() {
    let program = Program::new();
    let init = program.run(&["init"]);
    let running = Running::start(&program, &[]);
    let http = Http::new(running.address);
    let admin = basic("admin", password(&init.stdout));
    assert!(init.stdout.contains("docker push 127.0.0.1:5000/team/alpine\n"), "{init:?}");
    assert_eq!(push(&http, "team/alpine", &admin).await.as_u16(), 201);
    let steps: Vec<_> =
        init.stdout.lines().filter_map(|l| l.strip_prefix("    registry-bin ")).collect();
    assert_eq!(steps.len(), 5, "{init:?}");
    let mut secrets = Vec::new();
    for step in steps.into_iter().filter(|step| *step != "serve") {
        let mut words: Vec<_> = step.split(' ').collect();
        // There is nobody to ask for a password.
        words.extend(step.starts_with("user add ").then_some("--generate"));
        let run = program.run(&words);
        assert_eq!(run.code, Some(0), "{step}: {run:?}");
        secrets.push(run.stdout.trim_end().to_owned());
    }
    for (user, secret) in ["alice", "team"].into_iter().zip(&secrets) {
        assert_eq!(push(&http, "team/alpine", &basic(user, secret)).await.as_u16(), 201, "{user}");
    }
    let tags = "/v2/team/alpine/tags/list";
    assert_eq!(status(&http, Method::GET, tags, "", "").await, 200, "it is public");
}

#[tokio::test]
async fn what_is_private_stays_so_but_for_runners_and_whom_an_example_lets_in() {
    let program = Program::new();
    let init = program.run(&["init"]);
    let mut running = Running::start(&program, &[]);
    let http = Http::new(running.address);
    let admin = basic("admin", password(&init.stdout));
    let bob = basic("bob", &add(&program, "bob", &[]));
    let runner = program.run(&["key", "create", "--runner", "team/app"]);
    let runner = basic("runner", runner.stdout.trim_end());
    for repository in ["team/app", "other/app"] {
        assert_eq!(push(&http, repository, &admin).await.as_u16(), 201);
    }
    let [team, other] = ["/v2/team/app/tags/list", "/v2/other/app/tags/list"];
    for (who, path, expected) in
        [(&runner, team, 200), (&runner, other, 403), (&bob, team, 403), (&bob, other, 403)]
    {
        assert_eq!(status(&http, Method::GET, path, who, "").await.as_u16(), expected, "{path}");
    }
    let path = program.path().join("policy.toml");
    let policy = fs::read_to_string(&path).expect("a policy");
    let (before, rest) = policy.split_once("# [[rule]]\n# name = \"bob").expect("the example");
    let (example, after) = rest.split_once("\n\n").expect("its end");
    let example = example.replace("\n# ", "\n");
    fs::write(&path, format!("{before}[[rule]]\nname = \"bob{example}\n\n{after}"))
        .expect("a file");
    running.signal(Signal::HUP);
    running.wait_for("the policy is another now");
    assert_eq!(status(&http, Method::GET, team, &bob, "").await.as_u16(), 200);
    assert_eq!(push(&http, "team/app", &bob).await.as_u16(), 403);
    assert_eq!(status(&http, Method::GET, other, &bob, "").await.as_u16(), 403);
}

#[test]
fn init_overwrites_nothing_and_leaves_nothing_half_made() {
    for name in ["registry.toml", "policy.toml"] {
        let program = Program::new().file(name, "# mine\n");
        let run = program.run(&["init", "--data", "store"]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{name}");
        let entries: Vec<_> = fs::read_dir(program.path()).expect("a directory").collect();
        assert_eq!(entries.len(), 1, "{name}: {entries:?}");
    }
    let program = Program::new();
    let first = program.run(&["init"]);
    assert_eq!(first.code, Some(0));
    for name in ["registry.toml", "policy.toml"] {
        fs::remove_file(program.path().join(name)).expect("it is there");
    }
    let again = program.run(&["init"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(1), ""));
    let data = program.path().join("registry-data");
    let sentence = "there is a user of this name already: admin in the store in ";
    assert_eq!(again.stderr, format!("{sentence}{}\n", data.display()));
    assert!(!program.path().join("registry.toml").exists());
}

#[test]
fn of_those_who_init_at_once_one_does_and_the_others_are_refused() {
    let program = Program::new();
    let runs: Vec<Run> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| program.run(&["init"]))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it ends")).collect()
    });
    let mut codes: Vec<_> = runs.iter().map(|run| run.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(2), Some(2), Some(2)], "{runs:?}");
    assert!(runs.iter().all(|run| run.code == Some(0) || run.stdout.is_empty()), "{runs:?}");
    let users = json(&program, &["user", "list", "--json"]);
    assert_eq!(users.as_array().expect("a list").len(), 1);
    assert_eq!(program.run(&["check"]).code, Some(0), "its files are whole");
}

#[test]
fn what_init_makes_is_served_from_anywhere_and_wherever_it_is_moved() {
    let program = Program::new();
    let [made, moved] = ["made", "moved"].map(|name| program.path().join(name));
    fs::create_dir(&made).expect("a directory");
    let init = program.command(&["init"]).current_dir(&made).output().expect("the binary runs");
    assert!(init.status.success(), "{init:?}");
    fs::rename(&made, &moved).expect("moved");
    let list = program.run(&["user", "list"]);
    assert_eq!(list.code, Some(3), "there is no store here: {list:?}");
    let absolute = moved.join("registry.toml");
    for config in ["moved/registry.toml", absolute.to_str().expect("text")] {
        let running = Running::start(&program, &["--config", config]);
        let users = json(&program, &["user", "list", "--json", "--data", "moved/registry-data"]);
        assert_eq!(users[0]["name"], "admin", "{config}");
        drop(running);
    }
    assert!(!made.exists() && !program.path().join("registry-data").exists());
    let outside = program.path().join("outside");
    fs::create_dir(&outside).expect("a directory");
    let mut elsewhere = program.command(&["init", "--data", "../far"]);
    assert!(elsewhere.current_dir(&outside).output().expect("it runs").status.success());
    let running = Running::start(&program, &["--config", "outside/registry.toml"]);
    assert!(program.path().join("far/control.sock").exists());
    drop(running);
}

#[test]
fn a_secret_that_cannot_be_shown_is_said_to_be_lost_and_how_to_get_another() {
    let program = Program::new();
    for (arguments, instead) in [
        (&["init"][..], "run `registry-bin user passwd admin`\n"),
        (&["user", "add", "alice", "--generate"], "run `registry-bin user passwd alice`\n"),
        (&["key", "create", "--user", "alice"], "`, and make another\n"),
        (&["key", "create", "--user", "alice", "--json"], "`, and make another\n"),
    ] {
        let run = Run::from(into_nobody(&program, arguments));
        assert_eq!(run.code, Some(1), "{arguments:?}: {run:?}");
        assert!(run.stderr.ends_with(instead), "{arguments:?}: {run:?}");
    }
    let mut full = program.command(&["user", "passwd", "admin", "--generate"]);
    full.stdout(File::options().write(true).open("/dev/full").expect("a device"));
    let run = Run::from(full.output().expect("the binary runs"));
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stderr.ends_with("run `registry-bin user passwd admin`\n"), "{run:?}");
    // What the sentences say to run works: the files were kept.
    assert_eq!(program.run(&["user", "passwd", "admin", "--generate"]).code, Some(0));
    assert!(program.path().join("registry.toml").exists());
}

/// A run whose standard output nobody reads.
fn into_nobody(program: &Program, arguments: &[&str]) -> Output {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    program.command(arguments).stdout(writer).output().expect("the binary runs")
}

#[tokio::test]
async fn a_policy_is_followed_and_a_broken_one_is_not() {
    const RULE: &str = "[[rule]]\nwho = [\"everybody\"]\nrepositories = [\"**\"]\nactions = ";
    let program = Program::new().file("policy.toml", &format!("{RULE}[\"pull\"]\n"));
    let mut running = Running::start(&program, &["--policy", "policy.toml"]);
    let http = Http::new(running.address);
    assert_eq!(push(&http, "a", "").await.as_u16(), 403);
    let program = program.file("policy.toml", &format!("{RULE}[\"pull\", \"push\", \"create\"]\n"));
    running.wait_for("the policy is another now");
    assert_eq!(push(&http, "a", "").await.as_u16(), 201);
    let _program = program.file("policy.toml", &format!("{RULE}[\"fly\"]\n"));
    running.signal(Signal::HUP);
    let line = running.wait_for("the old one stays in force");
    assert!(line.contains("policy.toml line 4 column 12"), "{line}");
    assert_eq!(push(&http, "a", "").await.as_u16(), 201);
}

#[tokio::test]
async fn an_upload_that_goes_on_is_listed_and_cancelled() {
    let program = Program::new();
    let running = Running::start(&program, &[]);
    let http = Http::new(running.address);
    let reply = http.send(Method::POST, "/v2/a/b/blobs/uploads/", &[], "").await.expect("a reply");
    let location = reply.location().to_owned();
    let uploads = json(&program, &["upload", "list", "--json"]);
    assert_eq!((&uploads[0]["repository"], &uploads[0]["bytes"]), (&"a/b".into(), &0.into()));
    let id = uploads[0]["id"].as_str().expect("an id");
    assert_eq!(program.run(&["upload", "cancel", id]).code, Some(0));
    assert_eq!(program.run(&["upload", "cancel", id]).code, Some(1));
    assert_eq!(status(&http, Method::GET, &location, "", "").await.as_u16(), 404);
    assert_eq!(json(&program, &["upload", "list", "--json"]), serde_json::json!([]));
}
