//! Time.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use auto_impl::auto_impl;

/// The only source of time. No clock decides whether data is kept; times only decide how often
/// somebody sees an error that can be tried again.
#[async_trait]
#[auto_impl(Arc)]
pub trait Clock: Send + Sync + 'static {
    /// The time of day, as records keep it.
    fn now(&self) -> SystemTime;

    /// The time since some fixed moment, which never goes backwards.
    fn monotonic(&self) -> Duration;

    /// Waits.
    async fn sleep(&self, duration: Duration);
}
