//! The keys at one moment, and which of them does what.

use std::{
    cmp::Ordering,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::key::Key;

/// How long a key is published before it signs. Every server reads the keys again within
/// [`SCAN`](super::key_ring::SCAN) of using them, so that all verify with it by then; the rest is for
/// clocks that differ.
pub(super) const SETTLES: Duration = Duration::from_secs(5 * 60);

/// How long a key verifies after the next has begun to sign: longer than any token lives, and than it
/// takes all servers to notice.
pub(super) const OVERLAP: Duration = Duration::from_secs(2 * 60 * 60);

/// A key, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyStatus {
    /// What it is called, as in the `kid` of a token.
    pub id: String,
    /// What it does.
    pub duty: KeyDuty,
    /// When it was published, to the second; `None` for the one of a configured file.
    pub published: Option<SystemTime>,
}

/// What a key does. All of them verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyDuty {
    /// It has signed, and verifies what is still good of that.
    Verifies,
    /// It signs.
    Signs,
    /// It will sign once all servers know it.
    Waits,
}

/// A key, and since when it can be seen by all.
#[derive(Clone)]
pub(super) struct Published {
    /// In whole seconds since 1970.
    pub(super) since: Duration,
    pub(super) key: Arc<Key>,
}

/// Keys, oldest first.
#[derive(Clone, Default)]
pub(super) struct Keys(Vec<Published>);

impl Keys {
    /// In any order.
    pub(super) fn new(mut keys: Vec<Published>) -> Self {
        keys.sort_by(|a, b| (a.since, a.key.id()).cmp(&(b.since, b.key.id())));
        Self(keys)
    }

    /// The newest that has been published for long enough; before any has, the oldest.
    pub(super) fn signing(&self, now: Duration) -> Option<&Arc<Key>> {
        self.0.get(self.signing_place(now)).map(|published| &published.key)
    }

    /// What each does.
    pub(super) fn status(&self, now: Duration) -> Vec<KeyStatus> {
        let signing = self.signing_place(now);
        let status = |(place, Published { since, key }): (usize, &Published)| KeyStatus {
            id: key.id().to_owned(),
            duty: match place.cmp(&signing) {
                Ordering::Less => KeyDuty::Verifies,
                Ordering::Equal => KeyDuty::Signs,
                Ordering::Greater => KeyDuty::Waits,
            },
            published: (!since.is_zero()).then(|| UNIX_EPOCH + *since),
        };
        self.iter().enumerate().map(status).collect()
    }

    /// The key of this id.
    pub(super) fn get(&self, id: &str) -> Option<&Arc<Key>> {
        self.iter().map(|published| &published.key).find(|key| key.id() == id)
    }

    /// The one that was published last.
    pub(super) fn newest(&self) -> Option<&Published> {
        self.0.last()
    }

    /// The first second from now on in which none was published, so that none is as old as another:
    /// the older of two signs.
    pub(super) fn free(&self, now: Duration) -> Duration {
        let mut free = now;
        // Oldest first, so one pass finds it.
        for taken in self.iter().map(|key| key.since) {
            if taken == free {
                free += Duration::from_secs(1);
            }
        }
        free
    }

    /// Those that nobody needs, and the others.
    pub(super) fn split(mut self, now: Duration) -> (Vec<Published>, Self) {
        let signs_for_long = |key: &Published| key.since + SETTLES + OVERLAP <= now;
        let needed = self.0.iter().rposition(signs_for_long).unwrap_or(0);
        let others = self.0.split_off(needed);
        (self.0, Self(others))
    }

    /// The one of this id, and the others.
    pub(super) fn split_off(self, id: &str) -> (Vec<Published>, Self) {
        let (it, others) = self.0.into_iter().partition(|published| published.key.id() == id);
        (it, Self(others))
    }

    /// These and one more.
    pub(super) fn with(mut self, key: Published) -> Self {
        self.0.push(key);
        Self::new(self.0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Published> {
        self.0.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn signing_place(&self, now: Duration) -> usize {
        self.0.iter().rposition(|key| key.since + SETTLES <= now).unwrap_or(0)
    }
}
