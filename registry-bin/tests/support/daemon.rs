//! A long-running process under test: started, its log read, ended when dropped.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, PipeReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take until it says that it is ready, on a busy machine.
const START: Duration = Duration::from_secs(60);
/// How long a process may take to end by its farewell signal before it is killed.
const END: Duration = Duration::from_secs(20);
/// How many lines of its log are kept for the report of a failed test.
const KEPT: usize = 30;

/// A running process. Dropped, it gets its farewell signal, and the drop waits for its end, so
/// that its directories can be removed and its locks be taken.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    farewell: Signal,
    log: Arc<Mutex<VecDeque<String>>>,
}

impl Daemon {
    /// Starts `command` and returns with what `ready` found in a line of its output. Panics with
    /// the log when the process ends, or stays silent too long, before that line.
    pub(crate) fn start<T: Send + 'static>(
        command: &mut Command,
        farewell: Signal,
        ready: impl FnMut(&str) -> Option<T> + Send + 'static,
    ) -> (Self, T) {
        let (reader, writer) = io::pipe().expect("a pipe");
        command.stdin(Stdio::null()).stdout(writer.try_clone().expect("a descriptor"));
        let child = command.stderr(writer).spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        // The command keeps the pipe's writing ends; without them the end of the process is seen.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = Self { child, farewell, log: Arc::default() };
        let (found, wait) = mpsc::channel();
        let log = Arc::clone(&daemon.log);
        thread::spawn(move || follow(reader, &log, ready, &found));
        match wait.recv_timeout(START) {
            Ok(answer) => (daemon, answer),
            Err(e) => panic!("{command:?} did not become ready: {e}"),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.child);
        // Both signals fail only when the process is gone already, which is what they are for.
        let _ = kill_process(pid, self.farewell);
        let (ended, wait) = mpsc::channel::<()>();
        thread::spawn(move || {
            if wait.recv_timeout(END) == Err(RecvTimeoutError::Timeout) {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        let status = self.child.wait();
        drop(ended);
        if thread::panicking() {
            let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            let text: String = log.iter().map(|line| format!("    {line}\n")).collect();
            let _ = write!(io::stderr(), "the process ended with {status:?}, its log:\n{text}");
        }
    }
}

/// Reads the log until the process ends, so that it never blocks on a full pipe.
fn follow<T>(
    reader: PipeReader,
    log: &Mutex<VecDeque<String>>,
    mut ready: impl FnMut(&str) -> Option<T>,
    found: &Sender<T>,
) {
    for line in BufReader::new(reader).lines().map_while(Result::ok) {
        if let Some(answer) = ready(&line) {
            // Nobody listens after the first answer.
            let _ = found.send(answer);
        }
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == KEPT {
            log.pop_front();
        }
        log.push_back(line);
    }
}
