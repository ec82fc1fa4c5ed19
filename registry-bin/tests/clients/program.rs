//! A client's program: found or loudly missed, run with a home of its own and a time-out.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{self, Output, Stdio};
use std::time::Duration;

use rustix::process::geteuid;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

/// How long one call of a client may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// A client with what it keeps between calls. Tests share nothing.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    first: Vec<OsString>,
    home: TempDir,
}

impl Program {
    /// The program of this name. Where it is missing, says so on standard error, which the test
    /// harness does not capture, and `None`; with `CI=true` a missing client fails the test.
    pub(crate) fn find(name: &str, install: &str) -> Option<Self> {
        let dirs = env::var_os("PATH").unwrap_or_default();
        match env::split_paths(&dirs).map(|dir| dir.join(name)).find(|path| path.is_file()) {
            Some(path) => {
                let home = TempDir::new().expect("a directory");
                Some(Self { path, first: Vec::new(), home })
            }
            None => missed(&format!("{name} is not installed ({install})")),
        }
    }

    /// As [`Self::find`], for a program that sets up file systems as only root may.
    pub(crate) fn find_as_root(name: &str, install: &str) -> Option<Self> {
        let program = Self::find(name, install)?;
        if geteuid().is_root() { Some(program) } else { missed(&format!("{name} needs root")) }
    }

    /// Passes these arguments before those of every call.
    pub(crate) fn always<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.first.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// A directory that lives as long as this client.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs the program and returns its standard output. A failure of it fails the test with
    /// everything it said.
    pub(crate) async fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let printed = self.feed("", args).await;
        String::from_utf8(printed).expect("text")
    }

    /// As [`Self::run`], with `input` on standard input, and for output that need not be text.
    pub(crate) async fn feed<S: AsRef<OsStr>>(
        &self,
        input: impl AsRef<[u8]>,
        args: impl IntoIterator<Item = S>,
    ) -> Vec<u8> {
        self.attempt(input, args).await.unwrap_or_else(|said| panic!("{said}"))
    }

    /// As [`Self::feed`], for what may fail: then everything that the program said.
    pub(crate) async fn attempt<S: AsRef<OsStr>>(
        &self,
        input: impl AsRef<[u8]>,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Vec<u8>, String> {
        let mut command = self.command();
        command.args(args);
        let said = [command.get_program()].into_iter().chain(command.get_args());
        let said = said.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
        let output = timeout(PATIENCE, output(command, input.as_ref()));
        let output = output.await.unwrap_or_else(|_| panic!("took too long: {said}"));
        let [stdout, stderr] = [&output.stdout, &output.stderr].map(|o| String::from_utf8_lossy(o));
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(format!("{said}\n{}\n{stdout}{stderr}", output.status))
    }

    /// The command without this call's arguments, and with nothing of this machine's environment
    /// but the search path.
    pub(crate) fn command(&self) -> process::Command {
        let mut command = process::Command::new(&self.path);
        command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("HOME", self.home()).env("TMPDIR", self.home());
        command.current_dir(self.home()).args(&self.first);
        command
    }
}

/// Reports a client that cannot run here, and why.
pub(crate) fn missed<T>(why: &str) -> Option<T> {
    let text = format!("DID NOT RUN: {why}");
    assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{text}");
    writeln!(std::io::stderr(), "{text}").expect("standard error");
    None
}

async fn output(command: process::Command, input: &[u8]) -> Output {
    let mut command = Command::from(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A program that does not read its input may end before it is written.
    let _ = stdin.write_all(input).await;
    drop(stdin);
    child.wait_with_output().await.expect("the program's output")
}
