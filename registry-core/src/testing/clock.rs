//! Time that passes when a test says.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;

use crate::ports::Clock;

/// A clock that stands still until it is moved, or until somebody sleeps.
#[derive(Debug, Default)]
pub struct ManualClock {
    /// Nanoseconds since it was made.
    passed: AtomicU64,
}

impl ManualClock {
    /// The time of day at which every such clock starts, in seconds since 1970.
    pub const START: u64 = 1_700_000_000;

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.passed.fetch_add(nanos, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(Self::START) + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.passed.load(Ordering::SeqCst))
    }

    /// Nobody waits: the time has passed at once.
    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}
