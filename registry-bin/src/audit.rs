//! The audit log: who did what, as lines of JSON.
//!
//! A line is written before the request that it tells of is answered, so that the end of the
//! process loses none. It is on the disk within a second, so that a power cut may lose that second.

mod line;
mod sink;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use async_trait::async_trait;
use futures::channel::oneshot;
use registry_core::ports::{AuditError, AuditEvent, AuditLog, Clock};

use self::sink::Sink;
use crate::config::AuditTarget;

/// How long a line may be written and not yet be on the disk.
const UNSYNCED: Duration = Duration::from_secs(1);

/// The audit log of this process.
pub(crate) struct AuditLines {
    lines: Option<Sender<Waiting>>,
    writer: Option<JoinHandle<()>>,
}

/// The audit log cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the audit log {} cannot be opened: {source}", path.display())]
pub(crate) struct AuditLogError {
    path: PathBuf,
    source: io::Error,
}

/// A line, and who waits until it is written.
struct Waiting {
    line: String,
    written: oneshot::Sender<io::Result<()>>,
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoAudit;

/// Opens the log that the configuration names; `None` where it names none.
pub(crate) fn open(
    target: &AuditTarget,
    clock: impl Clock,
) -> Result<Option<AuditLines>, AuditLogError> {
    let sink = match target {
        AuditTarget::None => return Ok(None),
        AuditTarget::Stdout => Sink::Stdout,
        AuditTarget::File(path) => open_file(path)?,
    };
    let (lines, waiting) = mpsc::channel();
    let writer = thread::spawn(move || write(sink, &waiting, &clock));
    Ok(Some(AuditLines { lines: Some(lines), writer: Some(writer) }))
}

fn open_file(path: &Path) -> Result<Sink, AuditLogError> {
    Sink::file(path).map_err(|source| AuditLogError { path: path.to_owned(), source })
}

/// Writes what comes, all that waits at once, until nobody is left to write for.
fn write(mut sink: Sink, waiting: &Receiver<Waiting>, clock: &impl Clock) {
    let mut unsynced_since = None;
    loop {
        let first = match unsynced_since {
            None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(_) => waiting.recv_timeout(UNSYNCED),
        };
        match first {
            Ok(first) => {
                let (lines, waiters): (Vec<_>, Vec<_>) = [first]
                    .into_iter()
                    .chain(waiting.try_iter())
                    .map(|Waiting { line, written }| (line, written))
                    .unzip();
                let outcome = sink.write(&lines.concat());
                unsynced_since = unsynced_since.or_else(|| Some(clock.monotonic()));
                for waiter in waiters {
                    let outcome = outcome.as_ref().map_err(again).copied();
                    // Whoever asked may have hung up.
                    let _ = waiter.send(outcome);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return sink.sync(),
        }
        if unsynced_since.is_some_and(|since| clock.monotonic() >= since + UNSYNCED) {
            sink.sync();
            unsynced_since = None;
        }
    }
}

/// An error of the system is not one that can be had twice.
fn again(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

#[async_trait]
impl AuditLog for AuditLines {
    async fn record(&self, event: &AuditEvent) -> Result<(), AuditError> {
        let (written, outcome) = oneshot::channel();
        let line = line::of(event);
        let sent = self.lines.as_ref().map(|lines| lines.send(Waiting { line, written }));
        if !matches!(sent, Some(Ok(()))) {
            return Err(AuditError("the log is closed".into()));
        }
        match outcome.await {
            Ok(outcome) => outcome.map_err(|error| AuditError(error.into())),
            Err(closed) => Err(AuditError(closed.into())),
        }
    }
}

#[async_trait]
impl AuditLog for NoAudit {
    async fn record(&self, _: &AuditEvent) -> Result<(), AuditError> {
        Ok(())
    }
}

impl Drop for AuditLines {
    fn drop(&mut self) {
        drop(self.lines.take());
        // It ends by itself now; a panic of its own has been reported.
        let _ = self.writer.take().map(JoinHandle::join);
    }
}

impl fmt::Debug for AuditLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLines").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, time::UNIX_EPOCH};

    use registry_adapters::system::SystemClock;
    use registry_core::{identity::Principal, ports::AuditAction};

    use super::*;

    fn event(resource: &str) -> AuditEvent {
        AuditEvent::new(UNIX_EPOCH, Principal::anonymous(), AuditAction::Push, resource)
    }

    async fn record(log: &AuditLines, resource: &str) {
        log.record(&event(resource)).await.expect("it is kept");
    }

    #[tokio::test]
    async fn a_file_that_was_moved_away_is_opened_anew_and_nothing_is_lost() {
        let directory = tempfile::tempdir().expect("a directory");
        let [path, moved] = ["audit", "audit.1"].map(|name| directory.path().join(name));
        let target = AuditTarget::File(path.clone());
        let log = open(&target, SystemClock::new()).expect("it opens").expect("a log");
        record(&log, "a").await;
        fs::rename(&path, &moved).expect("a rename");
        record(&log, "b").await;
        record(&log, "c").await;
        let resources = |path: &Path| -> Vec<String> {
            let text = fs::read_to_string(path).expect("a file");
            let line = |line| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
            text.lines().map(|text| line(text)["resource"].as_str().expect("text").into()).collect()
        };
        assert_eq!(resources(&moved), ["a"]);
        assert_eq!(resources(&path), ["b", "c"]);
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        // Another start goes on where this one ended.
        drop(log);
        let log = open(&target, SystemClock::new()).expect("it opens").expect("a log");
        record(&log, "d").await;
        assert_eq!(resources(&path), ["b", "c", "d"]);
    }

    #[tokio::test]
    async fn lines_of_many_at_once_stay_whole() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("audit");
        let target = AuditTarget::File(path.clone());
        let log = open(&target, SystemClock::new()).expect("it opens").expect("a log");
        let events: Vec<_> = (0..200).map(|i| event(&format!("{i}"))).collect();
        let all = events.iter().map(|event| log.record(event));
        assert!(futures::future::join_all(all).await.iter().all(Result::is_ok));
        let text = fs::read_to_string(&path).expect("a file");
        assert_eq!(text.lines().count(), 200);
        for line in text.lines() {
            assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
        }
    }
}
