//! How `serve` refuses to start: an exit code and one sentence.

use std::{
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::fs::{PermissionsExt, chown},
};

use rustix::process::geteuid;

use crate::{
    program::{Program, Run},
    running::Running,
};

#[track_caller]
fn assert_refused(run: &Run, code: i32, sentence: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{}", run.stderr);
    assert_eq!(run.stderr.trim_end(), sentence);
}

#[test]
fn a_busy_port_is_one_sentence_with_code_4() {
    let busy = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = busy.local_addr().expect("an address").to_string();
    let program = Program::new();
    let run = program.run(&["serve", "--listen", &address]);
    let sentence = format!(
        "cannot listen on {address}: another program already does; stop it, or choose another port \
         with --listen"
    );
    assert_refused(&run, 4, &sentence);
    assert!(!program.path().join("registry-data").exists(), "nothing is left behind");
}

#[test]
fn an_address_of_another_machine_is_one_sentence_with_code_4() {
    // Of the block for documentation (RFC 5737), so nobody's.
    let run = Program::new().run(&["serve", "--listen", "192.0.2.1:5000", "--read-only"]);
    let sentence = "cannot listen on 192.0.2.1:5000: this machine does not have that address";
    assert_refused(&run, 4, sentence);
}

#[test]
fn a_wrong_configuration_is_refused_before_anything_is_done() {
    let program = Program::new();
    let run = program.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.starts_with("other machines can reach 0.0.0.0:0"), "{}", run.stderr);
    assert!(!program.path().join("registry-data").exists());
}

#[test]
fn a_second_server_on_a_directory_is_one_sentence_with_code_3() {
    let program = Program::new();
    let running = Running::start(&program, &["--data", "shared"]);
    let run = program.run(&["serve", "--listen", "127.0.0.1:0", "--data", "shared"]);
    let data = program.path().canonicalize().expect("a path").join("shared");
    assert_refused(&run, 3, &format!("{} is in use by another registry", data.display()));
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.end().0, Some(0));
    Running::start(&program, &["--data", "shared"]);
}

#[test]
fn a_directory_with_something_else_in_it_is_one_sentence_with_code_3() {
    let program = Program::new().file("holiday.jpg", "");
    let run = program.run(&["serve", "--listen", "127.0.0.1:0", "--data", "."]);
    let data = program.path().canonicalize().expect("a path");
    let sentence = format!(
        "{} holds holiday.jpg, which is no registry's: give an empty directory or a new one",
        data.display()
    );
    assert_refused(&run, 3, &sentence);
    let left: Vec<_> = fs::read_dir(program.path()).expect("a directory").collect();
    assert_eq!(left.len(), 1, "nothing is left behind: {left:?}");
}

#[test]
fn a_directory_that_cannot_be_made_or_written_is_one_sentence_with_code_3() {
    let program = Program::new().file("file", "");
    for data in ["file", "file/data", "/proc/registry-data"] {
        let run = program.run(&["serve", "--listen", "127.0.0.1:0", "--data", data]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(3), ""), "{data}: {}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{data}: {}", run.stderr);
        assert!(run.stderr.contains(data), "{data}: {}", run.stderr);
    }
}

#[test]
fn a_directory_to_which_everybody_may_write_is_one_sentence_with_code_3() {
    let program = Program::new();
    let data = program.path().canonicalize().expect("a path").join("shared");
    fs::create_dir(&data).expect("a directory");
    let set = |mode| fs::set_permissions(&data, Permissions::from_mode(mode)).expect("a mode");
    let words: [&[&str]; 6] = [
        &["serve", "--listen", "127.0.0.1:0"],
        &["check"],
        &["check", "--store", "memory", "--accounts"],
        &["serve", "--listen", "127.0.0.1:0", "--store", "memory", "--accounts"],
        &["init"],
        &["user", "list"],
    ];
    for mode in [0o777, 0o1777, 0o702] {
        for (number, words) in words.into_iter().enumerate() {
            // There is a store only where somebody has opened it.
            if words[0] == "user" {
                set(0o700);
                let init = program.run(&["init", "--data", "shared"]);
                assert_ne!(init.code, Some(3), "{init:?}");
            }
            set(mode);
            let run = program.run(&[words, &["--data", "shared"]].concat());
            let sentence = format!(
                "every user of the system may write to {} (its mode is {mode:o}): run `chmod o-w {}`, \
                 and look whether somebody has put something there; of a volume that is so by \
                 nature name a directory below it",
                data.display(),
                data.display()
            );
            assert_eq!(run.stderr.lines().last(), Some(&*sentence), "{number} {mode:o}: {run:?}");
            assert_eq!(run.code, Some(3), "{number} {mode:o}: {run:?}");
        }
        for name in ["registry.toml", "policy.toml"] {
            fs::remove_file(program.path().join(name)).ok();
        }
        fs::remove_dir_all(&data).expect("removed");
        fs::create_dir(&data).expect("a directory");
    }
}

#[test]
fn of_a_group_that_may_write_to_the_directory_the_log_warns_unless_it_is_the_servers_own() {
    const STRANGERS: u32 = 65534;
    let program = Program::new();
    for (group, is_warned) in [(None, false), (Some(STRANGERS), true)] {
        let data = program.path().join(format!("data-{is_warned}"));
        fs::create_dir(&data).expect("a directory");
        fs::set_permissions(&data, Permissions::from_mode(0o775)).expect("a mode");
        // Only root can give it to any group; the rule is tested beside it for everybody.
        if group.is_some() && !geteuid().is_root() {
            continue;
        }
        chown(&data, None, group).expect("a group");
        let running = Running::start(&program, &["--data", data.to_str().expect("text")]);
        running.signal(rustix::process::Signal::TERM);
        let (code, log) = running.end();
        assert_eq!(code, Some(0));
        let warned = log.iter().any(|line| line.contains("run `chmod g-w "));
        assert_eq!(warned, is_warned, "{log:?}");
    }
}

#[test]
fn keys_that_somebody_else_has_put_there_are_one_sentence_with_code_2() {
    let program = Program::new();
    let start = || {
        let running = Running::start(&program, &["--data", "data", "--accounts"]);
        running.signal(rustix::process::Signal::TERM);
        assert_eq!(running.end().0, Some(0));
    };
    start();
    let keys = program.path().join("data/token-keys");
    let refused = |sentence: &str| {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--data", "data", "--accounts"];
        let run = program.run(&serve);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run:?}");
        assert!(run.stderr.contains(sentence), "{run:?}");
    };
    if geteuid().is_root() {
        chown(&keys, Some(65534), None).expect("root gives it away");
        refused("token-keys belongs to user 65534 of the system: keys are taken from user 0, who ");
        chown(&keys, Some(0), None).expect("root takes it back");
    }
    fs::rename(&keys, program.path().join("elsewhere")).expect("moved");
    std::os::unix::fs::symlink("../elsewhere", &keys).expect("a link");
    refused("token-keys is a symbolic link, which is not followed: ");
    fs::remove_file(&keys).expect("removed");
    fs::rename(program.path().join("elsewhere"), &keys).expect("moved back");
    start();
}
