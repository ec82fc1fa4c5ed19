//! Time that passes when a test says.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use futures::future::pending;

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

/// A [`ManualClock`] on which nobody's patience ends: whoever sleeps sleeps for ever. Clones are the
/// same clock.
#[derive(Clone, Debug, Default)]
pub struct PatientClock(Arc<ManualClock>);

impl PatientClock {
    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.0.advance(by);
    }
}

#[async_trait]
impl Clock for PatientClock {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    async fn sleep(&self, _: Duration) {
        pending().await
    }
}
