//! Limits on records in memory and a clock that a test moves.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use registry_adapters::{
    limits::{Builder, Limits, Rates},
    memory::MemoryRecords,
};
use registry_core::{
    ports::{Clock, Limit, LimitKey, RateLimiter, Subject, Taken},
    testing::{ManualClock, Seeded},
};

/// What outlives a server.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) records: MemoryRecords,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) random: Arc<Seeded>,
}

impl World {
    pub(crate) fn builder(&self) -> Builder {
        Limits::builder(self.records.clone(), self.clock.clone(), self.random.clone())
    }

    pub(crate) async fn rates(&self, rates: Rates) -> Limits {
        self.builder().rates(rates).open().await.expect("the records are readable")
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// A clock whose time of day is this far off, in seconds.
pub(crate) struct Off(pub(crate) Arc<ManualClock>, pub(crate) i64);

#[async_trait]
impl Clock for Off {
    fn now(&self) -> SystemTime {
        let off = Duration::from_secs(self.1.unsigned_abs());
        if self.1 < 0 { self.0.now() - off } else { self.0.now() + off }
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}

pub(crate) fn address(limit: Limit, number: u32) -> LimitKey {
    LimitKey::new(limit, Subject::Address(std::net::Ipv4Addr::from_bits(number).into()))
}

pub(crate) fn namespace(limit: Limit, name: &str) -> LimitKey {
    LimitKey::new(limit, Subject::Namespace(name.into()))
}

pub(crate) async fn take(limits: &Limits, key: &LimitKey, want: u64) -> Taken {
    limits.take(key, want).await.expect("the records are there")
}

/// How much was granted.
pub(crate) async fn granted(limits: &Limits, key: &LimitKey, want: u64) -> u64 {
    match take(limits, key, want).await {
        Taken::Granted(granted) => granted,
        Taken::Wait(_) => 0,
    }
}
