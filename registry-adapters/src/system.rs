//! The machine: its clock, its randomness, and tasks on tokio.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use registry_core::ports::{Clock, Random, Tasks};
use tokio::{runtime::Handle, sync::watch};

/// The machine's clock; it sleeps on the tokio runtime that polls it.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the port's adapter")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the port's adapter")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the port's adapter")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The kernel's randomness.
///
/// # Panics
/// When the kernel gives none: no identity would be safe then.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "there is only one kernel")]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the port's adapter")]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the kernel gives random bytes");
    }
}

/// Tasks on a tokio runtime, which can be waited for when the server stops.
#[derive(Clone)]
pub struct TokioTasks {
    runtime: Handle,
    running: watch::Sender<usize>,
}

impl TokioTasks {
    /// Tasks on this runtime.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        Self { runtime, running: watch::Sender::new(0) }
    }

    /// Tasks on the runtime of the caller.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    pub fn current() -> Self {
        Self::new(Handle::current())
    }

    /// Waits until no task runs.
    pub async fn idle(&self) {
        let mut running = self.running.subscribe();
        // The sender lives in `self`, so the channel cannot be closed.
        let _ = running.wait_for(|running| *running == 0).await;
    }
}

impl Tasks for TokioTasks {
    fn spawn(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let running = Running::new(self.running.clone());
        self.runtime.spawn(async move {
            work.await;
            drop(running);
        });
    }
}

impl fmt::Debug for TokioTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioTasks").field("running", &*self.running.borrow()).finish()
    }
}

/// Counts one task for as long as it lives, also when it panics.
struct Running(watch::Sender<usize>);

impl Running {
    fn new(running: watch::Sender<usize>) -> Self {
        running.send_modify(|running| *running += 1);
        Self(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test(start_paused = true)]
    async fn the_clock_sleeps_on_the_runtime() {
        let clock = SystemClock::new();
        let before = clock.monotonic();
        clock.sleep(Duration::from_secs(3600)).await;
        assert!(clock.monotonic() - before < Duration::from_secs(60), "the test's time is paused");
    }

    #[test]
    fn random_bytes_differ() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        SystemRandom.fill(&mut a);
        SystemRandom.fill(&mut b);
        assert_ne!(a, b);
    }

    #[tokio::test]
    async fn tasks_are_waited_for_also_when_one_panics() {
        let tasks = TokioTasks::current();
        let (send, receive) = oneshot::channel::<()>();
        tasks.spawn(Box::pin(async move { receive.await.unwrap() }));
        tasks.spawn(Box::pin(async { panic!("on purpose") }));
        let waiting = tokio::spawn({
            let tasks = tasks.clone();
            async move { tasks.idle().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        send.send(()).unwrap();
        waiting.await.unwrap();
    }
}
