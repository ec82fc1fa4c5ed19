//! A server that runs while a test talks to it.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::Program;

/// How long to wait for anything that is sure to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    pub(crate) address: SocketAddr,
}

impl Running {
    /// Starts `serve` on a free port and waits until it listens.
    pub(crate) fn start(program: &Program, arguments: &[&str]) -> Self {
        let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.args(arguments).stdin(Stdio::null());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let (sender, lines) = mpsc::channel();
        follow(child.stdout.take().expect("a pipe"), sender.clone());
        follow(child.stderr.take().expect("a pipe"), sender);
        let nowhere = ([0, 0, 0, 0], 0).into();
        let mut running = Self { child, lines, seen: Vec::new(), address: nowhere };
        let line = running.wait_for("listening");
        running.address = address(&line);
        running
    }

    /// Waits for a line of the output that contains the text.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        if let Some(line) = self.seen.iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(error) => panic!("no line with {text:?}: {error}\n{}", self.seen.join("\n")),
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the server runs");
    }

    /// The memory in bytes that is no file's.
    pub(crate) fn anonymous_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kibibytes.and_then(|text| text.parse::<u64>().ok()).expect("a number") * 1024
    }

    /// Waits for the end; gives the exit code and everything that was printed.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<String>) {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(error) => panic!("it does not end: {error}\n{}", self.seen.join("\n")),
            }
        }
        let status = self.child.wait().expect("a status");
        (status.code(), std::mem::take(&mut self.seen))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only where the server has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn follow(pipe: impl Read + Send + 'static, lines: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // The test may have seen enough.
            let _ = lines.send(line);
        }
    });
}

/// The address in `listening on http://…` or `https://…`, or in the JSON object with the message `listening`.
fn address(line: &str) -> SocketAddr {
    let url = line.strip_prefix("listening on http");
    let text = match url.map(|url| url.strip_prefix('s').unwrap_or(url)) {
        Some(address) => address.trim_start_matches("://").to_owned(),
        None => {
            let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(event["message"], "listening");
            event["address"].as_str().expect("an address").to_owned()
        }
    };
    text.parse().unwrap_or_else(|_| panic!("no address: {line}"))
}
