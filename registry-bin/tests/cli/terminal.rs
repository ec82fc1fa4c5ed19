//! `serve` on a terminal.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    process::Stdio,
};

use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
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
