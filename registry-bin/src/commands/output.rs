//! What a command shows, and to whom.

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Says what was done, to whoever looks on.
pub(super) fn say(text: &str) {
    // Where nobody does, the exit code tells.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints what a command was asked for, for a program.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&to_json(value))
}

pub(super) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("it is made of strings") + "\n"
}

/// Prints what is shown this once; where that fails, whoever looks on is told what to run instead.
pub(super) fn print_once(text: &str, instead: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout();
    let printed = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    printed.map_err(|source| Failure::Unshown { source, instead: instead.to_owned() })
}

/// Prints what a command was asked for.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever read it has seen enough.
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::System { what: "standard output", source: e })
        }
        _ => Ok(()),
    }
}
