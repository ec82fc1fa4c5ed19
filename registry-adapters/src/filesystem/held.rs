//! Who has a content open: one at a time.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use registry_core::ports::ContentId;
use tokio::sync::Notify;

use super::error::{Error, Result};

/// The contents that somebody has open.
#[derive(Clone, Debug, Default)]
pub(super) struct Holders(Arc<Mutex<HashMap<ContentId, Holder>>>);

#[derive(Debug)]
enum Holder {
    /// A writer is at work.
    Working,
    /// The writer was dropped, and its last call has not returned. Whoever comes now waits for
    /// that: to the client, the request before has ended.
    Leaving(Arc<Notify>),
}

/// The right to write or delete a content. It ends when this is dropped, on whichever thread.
#[derive(Debug)]
pub(super) struct Held {
    id: ContentId,
    holders: Holders,
}

/// Tells that a holder is about to leave.
#[derive(Debug)]
pub(super) struct Leaving {
    id: ContentId,
    holders: Holders,
}

impl Holders {
    /// Takes the right, once whoever is leaving has left.
    ///
    /// # Errors
    /// [`Error::Busy`], at once, where a writer is at work.
    pub(super) async fn hold(&self, id: ContentId) -> Result<Held> {
        loop {
            let left = match self.entries().entry(id) {
                Entry::Vacant(vacant) => {
                    vacant.insert(Holder::Working);
                    return Ok(Held { id, holders: self.clone() });
                }
                Entry::Occupied(occupied) => match occupied.get() {
                    Holder::Working => return Err(Error::Busy),
                    // Made while the table is locked, so that it does not miss the leaving.
                    Holder::Leaving(left) => Arc::clone(left).notified_owned(),
                },
            };
            left.await;
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<ContentId, Holder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    pub(super) fn leaving(&self) -> Leaving {
        Leaving { id: self.id, holders: self.holders.clone() }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(Holder::Leaving(left)) = self.holders.entries().remove(&self.id) {
            left.notify_waiters();
        }
    }
}

impl Leaving {
    /// From now on others wait instead of being refused.
    pub(super) fn begin(&self) {
        if let Some(holder @ Holder::Working) = self.holders.entries().get_mut(&self.id) {
            *holder = Holder::Leaving(Arc::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::{FutureExt, poll};

    use super::*;

    fn id() -> ContentId {
        "f47ac10b-58cc-4372-a567-0e02b2c3d479".parse().unwrap()
    }

    #[tokio::test]
    async fn who_comes_while_another_works_is_refused_at_once() {
        let holders = Holders::default();
        let held = holders.hold(id()).await.unwrap();
        assert!(matches!(holders.hold(id()).now_or_never(), Some(Err(Error::Busy))));
        drop(held);
        assert!(holders.hold(id()).await.is_ok());
    }

    #[tokio::test]
    async fn who_comes_while_another_leaves_waits_for_it() {
        let holders = Holders::default();
        let held = holders.hold(id()).await.unwrap();
        held.leaving().begin();
        let mut next = pin!(holders.hold(id()));
        assert!(poll!(&mut next).is_pending());
        drop(held);
        assert!(next.await.is_ok());
        assert!(holders.hold(id()).await.is_ok(), "it was let go of");
    }
}
