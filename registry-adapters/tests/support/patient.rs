//! A clock that a test moves, and on which nobody's patience ends.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use registry_core::{ports::Clock, testing::ManualClock};

/// A manual clock whose sleeps never end.
#[derive(Clone, Default)]
pub(crate) struct Patient(Arc<ManualClock>);

impl Patient {
    /// Lets time pass.
    pub(crate) fn advance(&self, by: Duration) {
        self.0.advance(by);
    }
}

#[async_trait]
impl Clock for Patient {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }
}
