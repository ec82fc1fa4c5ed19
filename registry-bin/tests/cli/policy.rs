//! `--policy`, `policy check` and `explain`: who may do what.

use hyper::{Method, StatusCode};
use rustix::process::Signal;

use crate::{commands::in_file, http::Http, program::Program, running::Running};

/// What `explain` says where no users are kept.
const UNKNOWN: &str =
    "there is no user alice: this is what one of that name could do, in no group\n";

const RULES: &str = r#"
[[rule]]
name = "the world"
who = ["everybody"]
repositories = ["public/**"]
actions = ["pull"]

[[rule]]
who = ["anonymous"]
repositories = ["drop"]
actions = ["push"]

[[rule]]
name = "developers"
who = ["user:alice", "service:ci"]
repositories = ["team/**"]
actions = ["pull", "push", "overwrite"]

[[rule]]
name = "own"
who = ["authenticated"]
repositories = ["{user}/**"]
actions = ["push", "create"]

[[rule]]
who = ["authenticated"]
actions = ["catalog"]

[[rule]]
who = ["authenticated"]
repositories = ["shared/**"]
actions = ["pull"]
"#;

const PUBLIC: &str = "[[rule]]\nwho = [\"everybody\"]\nrepositories = [\"public/**\"]\n";

#[test]
fn explain_says_what_is_decided_and_by_which_rule() {
    let program = Program::new().file("policy.toml", RULES);
    let [world, drop, developers, own, lists] = [
        "rule 1 \"the world\" allows it",
        "rule 2 allows it",
        "rule 3 \"developers\" allows it",
        "rule 4 \"own\" allows it",
        "rule 5 allows it",
    ];
    let no = "no rule allows it";
    for (asked, steps) in [
        ("anonymous pull public/app", &[("pull", world)][..]),
        ("anonymous pull team/app", &[("pull", no)]),
        ("user:anonymous push drop", &[("push", no)]),
        ("anonymous push drop", &[("push", drop)]),
        ("anonymous create drop", &[("push", drop), ("create", no)]),
        ("alice overwrite team/app:v1", &[("push", developers), ("overwrite", developers)]),
        ("service:ci push team", &[("push", developers)]),
        ("ci push team", &[("push", no)]),
        ("bob overwrite bob/app", &[("push", own), ("overwrite", no)]),
        ("user:bob create bob/app", &[("push", own), ("create", own)]),
        ("alice delete team/app:v1", &[("delete", no)]),
        ("bob catalog", &[("catalog", lists)]),
        ("bob catalog public/a", &[("catalog", lists), ("pull", world)]),
        ("bob catalog team/a", &[("catalog", lists), ("pull", no)]),
        ("anonymous catalog", &[("catalog", no)]),
    ] {
        let words = ["explain", "--policy", "policy.toml"].into_iter().chain(asked.split(' '));
        let run = program.run(&words.collect::<Vec<_>>());
        let allowed = steps.iter().all(|(_, rule)| *rule != no);
        let verdict = if allowed { "allowed\n" } else { "denied\n" };
        let lines: String = steps.iter().map(|(step, rule)| format!("{step}: {rule}\n")).collect();
        assert_eq!(run.stdout, format!("{verdict}{lines}"), "{asked}: {}", run.stderr);
        assert_eq!(run.code, Some(i32::from(!allowed)), "{asked}");
    }
}

#[test]
fn explain_says_what_the_server_would_refuse_whatever_the_rules_say() {
    for (setting, asked, lines) in [
        ("read-only = true", "alice pull team/app", &["pull: rule 3 \"developers\" allows it"][..]),
        (
            "read-only = true",
            "alice push team/app",
            &[
                "push: rule 3 \"developers\" allows it",
                "push: refused by --read-only: the registry is read-only",
            ],
        ),
        (
            "anonymous = \"none\"",
            "anonymous pull public/app",
            &[
                "pull: rule 1 \"the world\" allows it",
                "pull: refused by --anonymous: anonymous callers may not",
            ],
        ),
        ("anonymous = \"none\"", "alice push team/app", &["push: rule 3 \"developers\" allows it"]),
        (
            "anonymous = \"pull\"",
            "anonymous push drop",
            &["push: rule 2 allows it", "push: refused by --anonymous: anonymous callers may not"],
        ),
        (
            "refuse-pull-alone = \"password\"",
            "alice pull shared/app",
            &[
                "pull: rule 6 allows it",
                "pull: refused by --refuse-pull-alone: credentials of the kind password pull only \
                 where they may push or everybody may pull",
            ],
        ),
        (
            "refuse-pull-alone = \"password\"",
            "alice pull public/app",
            &["pull: rule 1 \"the world\" allows it"],
        ),
        (
            "refuse-pull-alone = \"password\"\nanonymous = \"none\"",
            "alice pull public/app",
            &[
                "pull: rule 1 \"the world\" allows it",
                "pull: refused by --refuse-pull-alone: credentials of the kind password pull only \
                 where they may push or everybody may pull",
            ],
        ),
        (
            "refuse-pull-alone = \"password\"\nread-only = true",
            "alice pull team/app",
            &["pull: rule 3 \"developers\" allows it"],
        ),
        (
            "refuse-pull-alone = \"password\"",
            "alice pull team/app",
            &["pull: rule 3 \"developers\" allows it"],
        ),
        (
            "refuse-pull-alone = \"user-key\"",
            "alice pull public/app",
            &["pull: rule 1 \"the world\" allows it"],
        ),
    ] {
        let configuration = format!("policy = \"policy.toml\"\n{setting}\n");
        let program = Program::new().file("policy.toml", RULES);
        let program = program.file("registry.toml", &configuration);
        let allowed = lines.len() == 1;
        let verdict = if allowed { "allowed" } else { "denied" };
        for policy in [&[][..], &["--policy", "policy.toml"]] {
            let words = [&["explain"][..], policy, &asked.split(' ').collect::<Vec<_>>()].concat();
            let run = program.run(&words);
            assert_eq!(run.stdout.lines().next(), Some(verdict), "{setting} {asked}: {run:?}");
            assert_eq!(run.stdout.lines().skip(1).collect::<Vec<_>>(), lines, "{setting} {asked}");
            assert_eq!(run.code, Some(i32::from(!allowed)), "{setting} {asked}");
        }
    }
}

#[tokio::test]
async fn explain_asks_the_server_that_runs_and_else_the_file() {
    let program = Program::new().file("policy.toml", RULES);
    let asked = ["explain", "alice", "push", "team/app"];
    let mut running = Running::start(&program, &["--policy", "policy.toml", "--read-only"]);
    let path = program.path().join("policy.toml");
    let program = program.file("policy.toml", "[[rule]]\nwho = [\"nobody\"]\n");
    running.signal(Signal::HUP);
    running.wait_for("the old one stays in force");
    let served = program.run(&asked);
    assert_eq!(
        served.stdout,
        "denied\npush: rule 3 \"developers\" allows it\ncreate: no rule allows it\n\
         push: refused by --read-only: the registry is read-only\n\
         create: refused by --read-only: the registry is read-only\nthe repository does not exist\n"
    );
    let by_server = format!("asked the server that runs, which follows {}\n", path.display());
    assert_eq!((served.code, served.stderr), (Some(1), by_server + UNKNOWN));
    let program = program.file("other.toml", &format!("{PUBLIC}actions = [\"pull\"]\n"));
    let named = [&asked[..1], &["--policy", "other.toml"], &asked[1..]].concat();
    let other = program.run(&named);
    assert!(other.stdout.starts_with("denied\npush: no rule allows it\n"), "{other:?}");
    let by_both = "asked other.toml, and of the rest the server that runs\n";
    assert_eq!(other.stderr, by_both.to_owned() + UNKNOWN);
    running.signal(Signal::TERM);
    running.end();

    assert_eq!(program.run(&asked).code, Some(2), "no policy is configured");
    let program = program.file("registry.toml", "policy = \"policy.toml\"\n");
    let broken = program.run(&asked);
    assert_eq!(broken.code, Some(2));
    assert!(broken.stderr.contains("line 2"), "{broken:?}");
    let program = program
        .file("policy.toml", &RULES.replace("\"push\", \"over", "\"create\", \"push\", \"over"));
    let configured = program.run(&asked);
    assert!(configured.stdout.starts_with("allowed\npush: rule 3"), "{configured:?}");
    let by_file = format!("asked {}: no server answers\n", path.display());
    assert_eq!((configured.code, configured.stderr), (Some(0), by_file + UNKNOWN));
}

#[test]
fn explain_says_who_is_no_user_and_who_is_disabled() {
    let program = Program::new().file("policy.toml", RULES).file("users", &in_file("Bob@corp"));
    let serve = ["--policy", "policy.toml", "--accounts", "--htpasswd", "users"];
    let running = Running::start(&program, &serve);
    assert_eq!(program.run(&["user", "add", "alice", "--generate"]).code, Some(0));
    let pull = |user| program.run(&["explain", user, "pull", "team/app"]);
    let said = "there is no user bob: this is what one of that name could do, in no group\n";
    assert!(pull("bob").stderr.ends_with(said), "{:?}", pull("bob"));
    for known in ["alice", "user:alice", "Bob@corp", "anonymous", "project:team", "service:ci"] {
        assert!(!pull(known).stderr.contains("there is no user"), "{known}");
    }
    assert_eq!(pull("alice").code, Some(0));
    assert_eq!(program.run(&["user", "disable", "alice"]).code, Some(0));
    let disabled = || {
        let run = pull("alice");
        assert_eq!((run.code, run.stdout.lines().next()), (Some(1), Some("denied")), "{run:?}");
        assert!(run.stdout.contains("\nuser alice is disabled, and cannot log in\n"), "{run:?}");
    };
    disabled();
    running.signal(Signal::TERM);
    running.end();
    let config = "policy = \"policy.toml\"\nhtpasswd = \"users\"\naccounts = true\n";
    std::fs::write(program.path().join("registry.toml"), config).expect("a file");
    disabled();
    assert!(pull("bob").stderr.ends_with(said), "{:?}", pull("bob"));
    assert!(!pull("Bob@corp").stderr.contains("there is no user"));
}

#[test]
fn what_cannot_be_explained_is_refused_with_code_2() {
    let program = Program::new().file("policy.toml", RULES);
    for asked in [
        &["alice", "pull"][..],
        &["alice", "pull", "Team/app"],
        &["alice", "pull", "team/app:.v1"],
        &["alice", "fetch", "team/app"],
        &["group:dev", "pull", "team/app"],
        &["team:dev", "pull", "team/app"],
        &["user:", "pull", "team/app"],
        &["project:Team", "pull", "team/app"],
    ] {
        let words = [&["explain", "--policy", "policy.toml"], asked].concat();
        let run = program.run(&words);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{asked:?}: {}", run.stderr);
        assert!(!asked.contains(&"group:dev") || run.stderr.starts_with("group:dev is a group, "));
    }
}

#[test]
fn policy_check_prints_rules_that_say_the_same() {
    let program = Program::new().file("policy.toml", RULES);
    let first = program.run(&["policy", "check", "policy.toml"]);
    assert_eq!((first.code, first.stderr.as_str()), (Some(0), ""));
    let head = "# rule 1\n[[rule]]\nname = \"the world\"\nwho = [\"everybody\"]\n\
                repositories = [\"public/**\"]\nactions = [\"pull\"]\n\n# rule 2\n";
    assert!(first.stdout.starts_with(head), "{}", first.stdout);
    let program = program.file("again.toml", &first.stdout);
    assert_eq!(program.run(&["policy", "check", "again.toml"]).stdout, first.stdout);
}

#[test]
fn the_documented_example_means_what_the_document_says() {
    let document = include_str!("../../../docs/OPERATIONS.md");
    let (_, rest) = document.split_once("```toml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let program = Program::new().file("policy.toml", example);
    for (asked, code) in [
        ("anonymous pull public/app", 0),
        ("anonymous pull acme/app", 1),
        ("alice overwrite alice/app:v1", 0),
        ("alice push acme/app:v1", 1),
        ("carol create carol/app", 0),
        ("carol create public/app", 1),
        ("carol catalog", 0),
        ("anonymous catalog", 1),
    ] {
        let words = ["explain", "--policy", "policy.toml"].into_iter().chain(asked.split(' '));
        let run = program.run(&words.collect::<Vec<_>>());
        assert_eq!(run.code, Some(code), "{asked}: {}{}", run.stdout, run.stderr);
    }
}

#[test]
fn a_policy_that_is_missing_or_broken_stops_the_start_with_its_place() {
    let program = Program::new().file("broken.toml", &format!("{PUBLIC}actions = [\"pul\"]\n"));
    let broken = "broken.toml line 4 column 12: an action is pull, push, create, claim, overwrite, \
                  delete, catalog or admin\n";
    let missing =
        "the policy nowhere.toml cannot be read: No such file or directory (os error 2)\n";
    for (file, sentence) in [("broken.toml", broken), ("nowhere.toml", missing)] {
        for words in [
            &["serve", "--listen", "127.0.0.1:0", "--policy", file][..],
            &["check", "--policy", file],
            &["policy", "check", file],
            &["explain", "--policy", file, "alice", "pull", "a"],
        ] {
            let run = program.run(words);
            assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{words:?}");
            assert_eq!(run.stderr, sentence, "{words:?}");
        }
    }
    assert!(!program.path().join("registry-data").exists(), "nothing is left behind");
}

#[test]
fn the_network_is_served_where_no_rule_lets_strangers_write() {
    let own = "[[rule]]\nwho = [\"everybody\"]\nrepositories = [\"{user}/**\"]\n";
    let users = "[[rule]]\nwho = [\"authenticated\"]\nrepositories = [\"**\"]\n";
    let all = "actions = [\"push\", \"create\", \"overwrite\", \"delete\"]\n";
    let reads = "actions = [\"pull\", \"catalog\"]\n";
    let mut cases = vec![
        ([PUBLIC, reads].concat(), None),
        ([users, all, PUBLIC, reads].concat(), None),
        ([own, all].concat(), None),
        ([users, all, PUBLIC, all].concat(), Some("rule 2 ")),
        (RULES.to_owned(), Some("rule 2 ")),
    ];
    for write in ["push", "create", "overwrite", "delete"] {
        cases.push((format!("{PUBLIC}actions = [\"{write}\"]\n"), Some("rule 1 ")));
    }
    for (rules, opening) in cases {
        let program = Program::new().file("policy.toml", &rules);
        let words = ["check", "--listen", "0.0.0.0:5000", "--policy", "policy.toml"];
        let run = program.run(&words);
        match opening {
            None => assert_eq!(run.code, Some(0), "{rules}\n{}", run.stderr),
            Some(rule) => {
                assert_eq!((run.code, run.stderr.lines().count()), (Some(2), 1), "{rules}");
                let sentence = format!("{rule}of the policy lets whoever does write");
                assert!(run.stderr.contains(&sentence), "{rules}\n{}", run.stderr);
                for allowed in ["--read-only", "--allow-anonymous-writes-on-network"] {
                    let run = program.run(&[&words[..], &[allowed]].concat());
                    assert_eq!(run.code, Some(0), "{rules}\n{allowed}: {}", run.stderr);
                }
            }
        }
    }
}

#[tokio::test]
async fn the_server_does_what_the_rules_say() {
    let rules = format!(
        "{PUBLIC}actions = [\"pull\"]\n[[rule]]\nwho = [\"everybody\"]\n\
         repositories = [\"drop/*\"]\nactions = [\"push\", \"create\"]\n"
    );
    let program = Program::new().file("policy.toml", &rules);
    let arguments = ["--store", "memory", "--policy", "policy.toml", "--log-level", "debug"];
    let mut running = Running::start(&program, &arguments);
    let writes = StatusCode::METHOD_NOT_ALLOWED;
    assert_statuses(&running, StatusCode::ACCEPTED, StatusCode::FORBIDDEN).await;
    running.wait_for("no rule allows it");
    running.wait_for("Repository(RepositoryName(public/app))");
    let running = Running::start(&program, &[&arguments[..], &["--read-only"]].concat());
    assert_statuses(&running, writes, writes).await;
}

/// What becomes of reads and of an upload where it is allowed and where it is not.
async fn assert_statuses(running: &Running, allowed: StatusCode, denied: StatusCode) {
    let http = Http::new(running.address);
    for (method, path, status) in [
        (Method::GET, "/v2/public/app/tags/list", StatusCode::NOT_FOUND),
        (Method::GET, "/v2/drop/app/tags/list", StatusCode::FORBIDDEN),
        (Method::GET, "/v2/_catalog", StatusCode::FORBIDDEN),
        (Method::POST, "/v2/drop/app/blobs/uploads/", allowed),
        (Method::POST, "/v2/public/app/blobs/uploads/", denied),
    ] {
        let reply = http.send(method.clone(), path, &[], "").await.expect("a reply");
        assert_eq!(reply.status, status, "{method} {path}");
    }
}
