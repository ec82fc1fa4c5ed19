//! How much everybody may have: rates in memory, and the bytes that namespaces keep in records.
//!
//! A rate is a bucket: a burst may be taken at once, and what was taken comes back evenly. It is
//! counted in whole nanoseconds and fractions that are never rounded, so that a wait is exact, and
//! a refusal changes nothing, so that whoever knocks steadily is let in when the time has come.
//! What the `governor` crate offers is nearly this, but neither grants a part of what is asked for,
//! nor takes anything back, nor can be saved.
//!
//! Of the buckets only those that are not full are kept, and so many at most
//! ([`Builder::max_keys`]); beyond that, those are forgotten first that would be full soonest. The
//! state outlasts a restart if somebody saves it: [`Limits::keep_saving`] now and then, and
//! [`Limits::save`] at the end.
//!
//! The bytes that a namespace keeps are no rate but a level, which each server counts in a record
//! of its own; nobody queues on one counter. See [`Builder::quota`].

mod bucket;
mod buckets;
mod builder;
mod rate;
mod saved;
mod stored;

use std::{
    collections::BTreeMap, convert::Infallible, error::Error, fmt, sync::Arc, time::Duration,
};

use async_trait::async_trait;
use registry_core::ports::{
    Clock, Limit, LimitKey, RateLimiter, StoreError, Subject, SubjectKind, Taken,
};

use self::{buckets::Buckets, saved::Saved, stored::Stored};
pub use self::{
    builder::{Builder, LimitsError},
    rate::{Rate, RateError, Rates},
};

/// A [`RateLimiter`] for one server, or for one of several on the same records.
///
/// Each server counts rates on its own: on three of them a client has three times the rate. A quota
/// holds for all together, up to what the others took within the last few seconds.
pub struct Limits {
    clock: Arc<dyn Clock>,
    buckets: Buckets,
    saved: Saved,
    stored: Stored,
}

impl Limits {
    /// Writes down what is counted, so that a restart goes on with it.
    ///
    /// # Errors
    /// Of the record store. What was written before stays. `Corrupt` where that is no record, until
    /// somebody discards it.
    pub async fn save(&self) -> Result<(), StoreError> {
        let entries = self.buckets.snapshot(self.clock.monotonic());
        let rates = self.saved.write(entries, self.clock.now()).await;
        self.stored.save().await.and(rates)
    }

    /// Saves every so often, and never ends. A failure is logged, and passes or does not.
    pub async fn keep_saving(&self, every: Duration) -> Infallible {
        loop {
            self.clock.sleep(every).await;
            if let Err(error) = self.save().await {
                let error = &error as &dyn Error;
                tracing::warn!(error, "what the limits count was not saved");
            }
        }
    }

    /// Counts anew what namespaces keep, by what
    /// [`Registry::stored_bytes`](registry_core::registry::Registry::stored_bytes) says: at the
    /// start, before anything is pushed. It makes good what a crash left counted, and begins the
    /// count where there was no quota before.
    ///
    /// # Errors
    /// Of the record store; some namespaces are counted anew then, and some are not.
    pub async fn recount(&self, stored: &BTreeMap<String, u64>) -> Result<(), StoreError> {
        self.stored.recount(stored).await
    }

    /// How many buckets are not full, or were not when somebody last looked.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.buckets.len()
    }
}

#[async_trait]
impl RateLimiter for Limits {
    fn limits(&self, limit: Limit, kind: SubjectKind) -> bool {
        match (limit, kind) {
            (Limit::StoredBytes, SubjectKind::Namespace) => self.stored.limits(),
            _ => self.buckets.limits(limit, kind),
        }
    }

    async fn take(&self, key: &LimitKey, want: u64) -> Result<Taken, StoreError> {
        match key {
            LimitKey { limit: Limit::StoredBytes, subject: Subject::Namespace(namespace) } => {
                self.stored.take(namespace, want).await
            }
            _ => Ok(self.buckets.take(key, want, self.clock.monotonic())),
        }
    }

    async fn give_back(&self, key: &LimitKey, unused: u64) -> Result<(), StoreError> {
        match key {
            LimitKey { limit: Limit::StoredBytes, subject: Subject::Namespace(namespace) } => {
                self.stored.give_back(namespace, unused).await
            }
            _ => {
                self.buckets.give_back(key, unused, self.clock.monotonic());
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").field("keys", &self.keys()).finish_non_exhaustive()
    }
}
