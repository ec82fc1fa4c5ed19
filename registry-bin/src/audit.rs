//! The audit log: who did what, as lines of JSON.
//!
//! A line is written before the request that it tells of is answered, so that the end of the
//! process loses none. It is on the disk within a second, so that a power cut may lose that second.
//! Where lines are not taken, such as by a pipe that nobody reads, requests go on without: the
//! registry does not stop because its log does.

mod line;
mod sink;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use async_trait::async_trait;
use futures::{
    channel::oneshot,
    future::{self, Either},
};
use registry_core::ports::{AuditError, AuditEvent, AuditLog, Clock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::sink::Sink;
use crate::config::AuditTarget;

/// How long a line may be written and not yet be on the disk.
const UNSYNCED: Duration = Duration::from_secs(1);
/// How long an event waits to be written, and the end of the process for those that do.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many lines may wait at once.
const ROOM: usize = 4096;

/// The audit log of this process.
pub(crate) struct AuditLines {
    clock: Arc<dyn Clock>,
    patience: Duration,
    lines: Option<Sender<Waiting>>,
    room: Arc<Semaphore>,
    /// Whether an event has waited in vain, and nothing was written since.
    stalls: Arc<AtomicBool>,
    /// Closed when the writer has ended.
    writing: Mutex<Receiver<()>>,
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
    _place: OwnedSemaphorePermit,
}

/// Opens the log that the configuration names; `None` where it names none.
pub(crate) fn open(
    target: &AuditTarget,
    clock: impl Clock,
) -> Result<Option<AuditLines>, AuditLogError> {
    let sink = match target {
        AuditTarget::None => return Ok(None),
        AuditTarget::Stdout => {
            let path = "-".into();
            Sink::stdout().map_err(|source| AuditLogError { path, source })?
        }
        AuditTarget::File(path) => open_file(path)?,
    };
    Ok(Some(AuditLines::new(sink, Arc::new(clock), PATIENCE)))
}

fn open_file(path: &Path) -> Result<Sink, AuditLogError> {
    Sink::file(path).map_err(|source| AuditLogError { path: path.to_owned(), source })
}

/// Writes what comes, all that waits at once, until nobody is left to write for.
fn write(mut sink: Sink, waiting: &Receiver<Waiting>, clock: &dyn Clock, stalls: &AtomicBool) {
    let mut unsynced_since = None;
    loop {
        let first = match unsynced_since {
            None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(_) => waiting.recv_timeout(UNSYNCED),
        };
        match first {
            Ok(first) => {
                let all: Vec<_> = [first].into_iter().chain(waiting.try_iter()).collect();
                let outcome =
                    sink.write(&all.iter().map(|one| one.line.as_str()).collect::<String>());
                stalls.store(false, Ordering::Relaxed);
                unsynced_since = unsynced_since.or_else(|| Some(clock.monotonic()));
                for one in all {
                    let outcome = outcome.as_ref().map_err(again).copied();
                    // Whoever asked may have hung up.
                    let _ = one.written.send(outcome);
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

impl AuditLines {
    fn new(sink: Sink, clock: Arc<dyn Clock>, patience: Duration) -> Self {
        let (lines, waiting) = mpsc::channel();
        let (ended, writing) = mpsc::channel::<()>();
        let stalls = Arc::new(AtomicBool::new(false));
        let (its_clock, its_stalls) = (Arc::clone(&clock), Arc::clone(&stalls));
        thread::spawn(move || {
            let _ended = ended;
            write(sink, &waiting, &*its_clock, &its_stalls);
        });
        let room = Arc::new(Semaphore::new(ROOM));
        Self { clock, patience, lines: Some(lines), room, stalls, writing: Mutex::new(writing) }
    }

    /// Has the line written, and waits until it is.
    async fn written(&self, line: String) -> Result<(), AuditError> {
        let closed = || AuditError("the log is closed".into());
        let place = Arc::clone(&self.room).acquire_owned().await.map_err(|_| closed())?;
        let (written, outcome) = oneshot::channel();
        let waiting = Waiting { line, written, _place: place };
        self.lines.as_ref().and_then(|lines| lines.send(waiting).ok()).ok_or_else(closed)?;
        let outcome = outcome.await.map_err(|_| closed())?;
        outcome.map_err(|error| AuditError(error.into()))
    }
}

#[async_trait]
impl AuditLog for AuditLines {
    async fn record(&self, event: &AuditEvent) -> Result<(), AuditError> {
        // Whoever comes after one who waited in vain does not wait, but is written if there is room.
        let stalls = self.stalls.load(Ordering::Relaxed);
        let patience = if stalls { Duration::ZERO } else { self.patience };
        let written = pin!(self.written(line::of(event)));
        match future::select(written, self.clock.sleep(patience)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => {
                self.stalls.store(true, Ordering::Relaxed);
                Err(AuditError("the log takes no lines, or too slowly".into()))
            }
        }
    }
}

impl Drop for AuditLines {
    fn drop(&mut self) {
        drop(self.lines.take());
        // It ends by itself now, unless nobody takes what it writes.
        let writing = self.writing.get_mut().unwrap_or_else(PoisonError::into_inner);
        if writing.recv_timeout(self.patience) == Err(RecvTimeoutError::Timeout) {
            tracing::error!("the last audit events are lost: the log takes no lines");
        }
    }
}

impl fmt::Debug for AuditLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLines").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        io::{BufRead, BufReader},
        os::unix::fs::PermissionsExt,
        time::UNIX_EPOCH,
    };

    use registry_adapters::system::SystemClock;
    use registry_core::{identity::Principal, ports::AuditAction};
    use rustix::fs::{CWD, FileType, Mode, mknodat};

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

    const SHORT: Duration = Duration::from_millis(200);

    /// A log that goes into a pipe, and the pipe.
    fn into_pipe(directory: &Path) -> (AuditLines, File) {
        let path = directory.join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
        // Both of its ends, so that opening it does not wait for the other.
        let pipe = File::options().read(true).write(true).open(&path).expect("it opens");
        let sink = open_file(&path).expect("it opens");
        (AuditLines::new(sink, Arc::new(SystemClock::new()), SHORT), pipe)
    }

    /// Records until the kernel takes no more; says how much it took.
    async fn fill(log: &AuditLines) -> usize {
        let mut kept = 0;
        while log.record(&event(&"a".repeat(4096))).await.is_ok() {
            kept += 1;
        }
        kept
    }

    #[tokio::test]
    async fn a_log_that_nobody_reads_keeps_no_request_waiting_and_goes_on_when_somebody_does() {
        let directory = tempfile::tempdir().expect("a directory");
        let (log, pipe) = into_pipe(directory.path());
        let kept = fill(&log).await;
        assert!(kept > 0 && log.record(&event("late")).await.is_err());
        let (sender, read) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                // The test may have seen enough.
                let _ = sender.send(line);
            }
        });
        let is_late = |line: &String| line.contains("\"late\"");
        assert_eq!(read.iter().take_while(|line| !is_late(line)).count(), kept + 1);
        while log.record(&event("b")).await.is_err() {}
    }

    #[tokio::test]
    async fn a_log_that_nobody_reads_does_not_keep_the_process() {
        let directory = tempfile::tempdir().expect("a directory");
        let (log, _pipe) = into_pipe(directory.path());
        fill(&log).await;
        drop(log);
    }
}
