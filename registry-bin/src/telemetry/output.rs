//! Standard error, which many lines reach together.

use std::{
    io::{self, Write},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// The target of the lines of which there is one for each request. They may come a little late;
/// all others come at once, and in their order.
const ACCESS: &str = "registry_http::access";

/// How late.
const DELAY: Duration = Duration::from_millis(20);

/// How many bytes wait at most.
const MOST: usize = 64 * 1024;

/// Lines that wait.
static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static SOME: Condvar = Condvar::new();

/// Writes everything that waits. To be called before the process ends.
pub(crate) fn flush() {
    write(&mut lines());
}

/// Where the log goes.
pub(super) struct Output(());

impl Output {
    /// Starts the thread that writes what nobody waits for.
    pub(super) fn start() -> Self {
        thread::spawn(|| {
            loop {
                let waiting = SOME.wait_while(lines(), |lines| lines.is_empty());
                drop(waiting);
                delay();
                flush();
            }
        });
        Self(())
    }
}

#[expect(clippy::disallowed_methods, reason = "the log has its own time, which decides nothing")]
fn delay() {
    thread::sleep(DELAY);
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { can_wait: false }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line {
        Line { can_wait: metadata.target() == ACCESS }
    }
}

/// Takes one line.
pub(super) struct Line {
    can_wait: bool,
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut lines = lines();
        let is_first = lines.is_empty();
        lines.extend_from_slice(line);
        if !self.can_wait || lines.len() > MOST {
            write(&mut lines);
        } else if is_first {
            SOME.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lines() -> MutexGuard<'static, Vec<u8>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nobody can be told when this fails.
fn write(lines: &mut Vec<u8>) {
    let _ = io::stderr().write_all(lines);
    lines.clear();
}
