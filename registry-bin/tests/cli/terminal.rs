//! `serve` on a terminal.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    process::Stdio,
    thread,
};

use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, tcgetattr},
};

use crate::program::Program;

/// The two ends of a terminal: the one that a person looks at, and the program's.
fn terminal() -> (File, OwnedFd) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&person).expect("a terminal");
    unlockpt(&person).expect("a terminal");
    let name = ptsname(&person, Vec::new()).expect("a name");
    let name = std::ffi::OsStr::from_bytes(name.as_bytes());
    let program = File::options().read(true).write(true).open(name).expect("a terminal");
    (person.into(), program.into())
}

#[test]
fn a_password_that_is_typed_is_asked_for_twice_and_not_shown() {
    let program = Program::new();
    let init = program.run(&["init"]);
    assert_eq!(init.code, Some(0), "{init:?}");
    for (second, code, sentence) in [
        ("canary-one", 0, "added user alice"),
        ("canary-two", 2, "the two passwords are not the same"),
    ] {
        let user = if code == 0 { "alice" } else { "bob" };
        let (mut person, theirs) = terminal();
        let mut command = program.command(&["user", "add", user]);
        command.stdin(theirs.try_clone().expect("a descriptor"));
        command.stdout(Stdio::null()).stderr(theirs);
        let mut child = command.spawn().expect("it starts");
        drop(command);
        let mut seen = Vec::new();
        // Each answer is typed when it is asked for.
        for (question, answer) in [("password for ", "canary-one"), ("again: ", second)] {
            while !String::from_utf8_lossy(&seen).contains(question) {
                let mut bytes = [0; 256];
                let read = person.read(&mut bytes).expect("a question");
                seen.extend_from_slice(&bytes[..read]);
            }
            // What is typed before the terminal is silent would be thrown away, or shown.
            while tcgetattr(&person).expect("a terminal").local_modes.contains(LocalModes::ECHO) {
                thread::yield_now();
            }
            person.write_all(format!("{answer}\n").as_bytes()).expect("it is typed");
        }
        // A terminal whose other end is closed is an error and no end of file.
        let mut bytes = [0; 256];
        while let Ok(read) = person.read(&mut bytes) {
            seen.extend_from_slice(&bytes[..read]);
        }
        let seen = String::from_utf8_lossy(&seen);
        assert_eq!(child.wait().expect("a status").code(), Some(code), "{seen}");
        assert!(seen.contains(sentence) && !seen.contains("canary"), "{seen}");
    }
}

#[test]
fn on_a_terminal_it_speaks_to_a_person() {
    let program = Program::new();
    let (person, theirs) = terminal();
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.stdin(Stdio::null()).stdout(theirs.try_clone().expect("a descriptor")).stderr(theirs);
    let mut child = command.spawn().expect("the server starts");
    // The command keeps the program's end; without it the end of the process is seen.
    drop(command);
    let mut seen = String::from("\n");
    // A terminal whose other end is closed is an error and no end of file.
    for line in BufReader::new(person).lines().map_while(Result::ok) {
        if line.contains("docker pull") {
            kill_process(Pid::from_child(&child), Signal::TERM).expect("the server runs");
        }
        seen.push_str(&line);
        seen.push('\n');
    }
    assert_eq!(child.wait().expect("a status").code(), Some(0), "{seen}");
    assert!(seen.contains("\nlistening on http://127.0.0.1:"), "{seen}");
    assert!(seen.contains("draining"), "{seen}");
    assert!(!seen.contains("{\""), "no JSON: {seen}");
}
