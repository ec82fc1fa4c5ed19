//! What the operating system asks of the server.

use std::{io, process};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::telemetry;

/// `SIGTERM` and `SIGINT`, which mean the same: the first drains, the second ends at once.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// `SIGHUP`, by which programs are told that a file of theirs has changed. It is taken over from the
/// operating system, which would kill the process.
pub(crate) fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

impl Signals {
    /// Takes the signals over from the operating system, which would kill the process.
    pub(crate) fn listen() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { terminate, interrupt })
    }

    /// Waits for the first signal. A further one ends the process from then on, with the exit code
    /// that a shell would show for it: nothing that was acknowledged is lost.
    pub(crate) async fn first(mut self) {
        let signal = self.next().await;
        tracing::info!(signal, "draining; a second signal ends the server at once");
        tokio::spawn(async move {
            let signal = self.next().await;
            telemetry::flush();
            process::exit(128 + signal)
        });
    }

    async fn next(&mut self) -> i32 {
        let Self { terminate, interrupt } = self;
        tokio::select! {
            _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
        }
    }
}
