//! How slowly a client may send.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use registry_core::ports::Clock;

/// What a request's body must keep to, or else the request is refused with 408.
///
/// Only time in which the server waits for the client counts, never time in which the client waits
/// for the server.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct BodyTimeouts {
    /// The longest wait for the next bytes. Default: 60 seconds.
    pub idle: Duration,
    /// The fewest bytes a second, on the average of [`BodyTimeouts::window`]; 0: any. A client that
    /// drips a byte now and then is never idle, and holds a connection for ever without this.
    /// Default: 256.
    pub min_rate: u64,
    /// Over how much waiting the rate is averaged. Default: 60 seconds.
    pub window: Duration,
}

impl Default for BodyTimeouts {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self { idle: minute, min_rate: 256, window: minute }
    }
}

/// Watches one body.
///
/// There is one timer at most, made on the first wait and left running over many frames: bytes
/// that come are counted and cost no timer.
pub(crate) struct Pace {
    timeouts: BodyTimeouts,
    clock: Arc<dyn Clock>,
    timer: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    wait: Option<Wait>,
    /// Waited and received in the present window.
    waited: Duration,
    received: u64,
}

/// The present wait.
struct Wait {
    since: Duration,
    /// Up to when it is part of [`Pace::waited`].
    counted: Duration,
}

impl Pace {
    pub(crate) fn new(timeouts: BodyTimeouts, clock: Arc<dyn Clock>) -> Self {
        Self { timeouts, clock, timer: None, wait: None, waited: Duration::ZERO, received: 0 }
    }

    /// Bytes came.
    pub(crate) fn received(&mut self, bytes: usize) {
        if let Some(wait) = self.wait.take() {
            self.waited += self.clock.monotonic().saturating_sub(wait.counted);
        }
        self.received += bytes as u64;
    }

    /// Nothing came: ready when the client is too slow.
    pub(crate) fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let left = self.timeouts.idle.saturating_sub(self.count_wait());
            if left.is_zero() || self.is_dripping() {
                return Poll::Ready(());
            }
            let next_look = left.min(self.timeouts.window.saturating_sub(self.waited));
            let timer = self.timer.get_or_insert_with(|| sleep(Arc::clone(&self.clock), next_look));
            ready!(timer.as_mut().poll(cx));
            self.timer = None;
        }
    }

    /// Counts the present wait in the window, and says how long it is by now.
    fn count_wait(&mut self) -> Duration {
        let now = self.clock.monotonic();
        let wait = self.wait.get_or_insert(Wait { since: now, counted: now });
        self.waited += now.saturating_sub(wait.counted);
        wait.counted = now;
        now.saturating_sub(wait.since)
    }

    /// At the end of a window: whether too little came in it. Starts the next.
    fn is_dripping(&mut self) -> bool {
        if self.waited < self.timeouts.window {
            return false;
        }
        let waited = std::mem::take(&mut self.waited).as_secs();
        std::mem::take(&mut self.received) < self.timeouts.min_rate.saturating_mul(waited)
    }
}

fn sleep(clock: Arc<dyn Clock>, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move { clock.sleep(time).await })
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use registry_core::testing::PatientClock;

    use super::*;

    #[test]
    fn only_waiting_for_the_client_counts() {
        let clock = PatientClock::default();
        let mut pace = Pace::new(BodyTimeouts::default(), Arc::new(clock.clone()));
        let mut cx = Context::from_waker(Waker::noop());
        let mut is_too_slow = |pace: &mut Pace| pace.poll_too_slow(&mut cx).is_ready();
        for _ in 0..10 {
            // The server works for an hour on what came, then waits for half a minute.
            pace.received(100_000);
            clock.advance(Duration::from_secs(3600));
            assert!(!is_too_slow(&mut pace));
            clock.advance(Duration::from_secs(30));
            assert!(!is_too_slow(&mut pace));
        }
        clock.advance(Duration::from_secs(30));
        assert!(is_too_slow(&mut pace));
    }
}
