use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::{
    error::LoadError,
    process::{ProcessSample, Usage, reset_peak},
};

/// How often anonymous memory is sampled; the kernel keeps no peak of it.
const SAMPLE_EVERY: Duration = Duration::from_millis(10);

/// Watches the registry's process, if it is known.
#[derive(Debug)]
pub(crate) struct Observer {
    server: Option<(u32, ProcessSample)>,
}

impl Observer {
    /// Takes the sample that counts as idle: make it before the first request.
    pub(crate) fn new(pid: Option<u32>) -> Result<Self, LoadError> {
        let server = pid.map(|pid| sample(pid).map(|idle| (pid, idle))).transpose()?;
        Ok(Self { server })
    }

    /// Starts the clock.
    pub(crate) fn start(&self) -> Result<Window, LoadError> {
        let server = self.server.map(|(pid, idle)| Watched::start(pid, idle)).transpose()?;
        let client = sample(std::process::id())?;
        Ok(Window { server, client, started: now() })
    }
}

/// A running measurement.
#[derive(Debug)]
pub(crate) struct Window {
    server: Option<Watched>,
    client: ProcessSample,
    started: Instant,
}

/// What a [`Window`] saw.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) elapsed: Duration,
    pub(crate) server: Option<Usage>,
    pub(crate) client_cpu: Duration,
}

impl Window {
    pub(crate) fn finish(self) -> Result<Measured, LoadError> {
        let elapsed = self.started.elapsed();
        let client_cpu = sample(std::process::id())?.cpu - self.client.cpu;
        let server = self.server.map(Watched::finish).transpose()?;
        Ok(Measured { elapsed, server, client_cpu })
    }
}

/// The time that passes outside, which is what this tool is about.
#[expect(clippy::disallowed_methods, reason = "a load tool measures real time; nothing replays it")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[derive(Debug)]
struct Watched {
    pid: u32,
    idle: ProcessSample,
    before: ProcessSample,
    stop: mpsc::Sender<()>,
    peak: thread::JoinHandle<u64>,
}

impl Watched {
    fn start(pid: u32, idle: ProcessSample) -> Result<Self, LoadError> {
        reset_peak(pid);
        let before = sample(pid)?;
        let (stop, stopped) = mpsc::channel();
        let peak = thread::spawn(move || peak_until(&stopped, pid, before.rss_anon));
        Ok(Self { pid, idle, before, stop, peak })
    }

    fn finish(self) -> Result<Usage, LoadError> {
        let after = sample(self.pid)?;
        drop(self.stop);
        let sampled = self.peak.join().unwrap_or_default();
        Ok(Usage {
            cpu_seconds: (after.cpu - self.before.cpu).as_secs_f64(),
            rss_anon_idle: self.idle.rss_anon,
            rss_anon_peak: sampled.max(after.rss_anon),
            resident_peak: after.resident_peak,
        })
    }
}

/// Samples until the sender is dropped, or the process ends.
fn peak_until(stopped: &mpsc::Receiver<()>, pid: u32, mut peak: u64) -> u64 {
    while let Err(mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(SAMPLE_EVERY) {
        let Ok(sample) = ProcessSample::of(pid) else { break };
        peak = peak.max(sample.rss_anon);
    }
    peak
}

fn sample(pid: u32) -> Result<ProcessSample, LoadError> {
    ProcessSample::of(pid).map_err(|source| LoadError::Process { pid, source })
}
