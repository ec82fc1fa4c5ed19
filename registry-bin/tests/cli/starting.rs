//! How `serve` refuses to start: an exit code and one sentence.

use std::{fs, net::TcpListener};

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
