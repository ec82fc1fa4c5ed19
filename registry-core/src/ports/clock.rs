//! Time.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;

/// The only source of time. No clock decides whether data is kept; times only decide how often
/// somebody sees an error that can be tried again.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The time of day, as records keep it.
    fn now(&self) -> SystemTime;

    /// The time since some fixed moment, which never goes backwards.
    fn monotonic(&self) -> Duration;

    /// Waits.
    async fn sleep(&self, duration: Duration);
}

#[async_trait]
impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }

    fn monotonic(&self) -> Duration {
        (**self).monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        (**self).sleep(duration).await;
    }
}
