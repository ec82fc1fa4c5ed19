//! Shares of what is limited: bytes that a namespace keeps, and bytes that it sends.
//!
//! What counts as kept are the bytes that each repository of a namespace links, its manifests, and
//! its open uploads. They are taken before they are kept and given back once they are gone for
//! sure. Where a crash or a failing store leaves that open they stay counted, so that the count may
//! be too high and is never too low; [`Registry::stored_bytes`](super::Registry::stored_bytes)
//! counts anew.

mod pulled;
mod recount;
mod share;

use std::{error::Error, sync::Arc};

pub(super) use share::Share;

use super::Inner;
use crate::{
    name::RepositoryName,
    ports::{Limit, LimitKey, RateLimiter, Subject, SubjectKind},
};

/// How many bytes are taken at once where nobody said how many will come.
const STEP: u64 = 4 << 20;

impl Inner {
    /// An empty share of what the namespace of a repository may keep.
    pub(super) fn stored(&self, name: &RepositoryName) -> Share {
        self.share(Limit::StoredBytes, name.namespace())
    }

    /// Whether anybody counts what a namespace keeps: where nobody does, nothing is read for it.
    pub(super) fn counts_stored(&self) -> bool {
        self.limiter_of(Limit::StoredBytes).is_some()
    }

    /// Gives back bytes that a namespace kept. That never fails: they stay counted then.
    pub(super) async fn give_back(&self, namespace: &str, bytes: u64) {
        let limiter = self.limiter_of(Limit::StoredBytes);
        let limiter = limiter.filter(|_| bytes > 0 && !namespace.is_empty());
        let Some(limiter) = limiter else { return };
        let key = key(Limit::StoredBytes, namespace);
        if let Err(error) = limiter.give_back(&key, bytes).await {
            let error = &error as &dyn Error;
            tracing::warn!(namespace, bytes, error, "bytes that are gone stay counted");
        }
    }

    fn share(&self, limit: Limit, namespace: &str) -> Share {
        match self.limiter_of(limit) {
            Some(limiter) => Share::new(limiter, self.tasks.as_ref(), key(limit, namespace)),
            None => Share::unlimited(),
        }
    }

    /// Whom to ask for bytes, where they are limited.
    fn limiter_of(&self, limit: Limit) -> Option<&Arc<dyn RateLimiter>> {
        self.limiter.as_ref().filter(|limiter| limiter.limits(limit, SubjectKind::Namespace))
    }
}

fn key(limit: Limit, namespace: &str) -> LimitKey {
    LimitKey::new(limit, Subject::Namespace(namespace.into()))
}
