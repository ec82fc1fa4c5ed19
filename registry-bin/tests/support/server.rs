//! The server binary, on a port of its own.

use std::env;
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use super::daemon::Daemon;

/// A running server. Dropped, it is killed without a chance to say goodbye: nothing that it
/// acknowledged may depend on an orderly end.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _process: Daemon,
}

impl Server {
    /// Serves `data` on a free port. The binary is this package's, or the one that the variable
    /// `REGISTRY_TEST_BIN` names.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// The same, with these arguments.
    pub(crate) fn start_with(data: &Path, arguments: &[&OsStr]) -> Self {
        let mut command = binary();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).args(arguments);
        let (process, address) = Daemon::start(&mut command, Signal::KILL, address);
        Self { address, _process: process }
    }
}

/// The binary, with nothing of what the tests are told: its configuration has the same prefix.
pub(crate) fn binary() -> Command {
    let binary = env::var_os("REGISTRY_TEST_BIN")
        .unwrap_or_else(|| OsString::from(env!("CARGO_BIN_EXE_registry-bin")));
    let mut command = Command::new(binary);
    let ours = env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.as_encoded_bytes().starts_with(b"REGISTRY_")) {
        command.env_remove(name);
    }
    command
}

/// The address in the line that says so: `listening on http://127.0.0.1:5000` for people, and
/// `"address":"127.0.0.1:5000"` with the message `listening` where the log is JSON.
fn address(line: &str) -> Option<SocketAddr> {
    if !line.contains("listening") {
        return None;
    }
    ["http://", "\"address\":\""].iter().find_map(|mark| {
        let (_, rest) = line.split_once(mark)?;
        let end = rest.find(|c: char| !c.is_ascii_digit() && !".:".contains(c));
        rest[..end.unwrap_or(rest.len())].parse().ok()
    })
}
