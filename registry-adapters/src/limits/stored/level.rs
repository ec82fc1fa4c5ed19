//! How much one namespace keeps, as one server knows it.

use std::time::Duration;

use registry_core::ports::Taken;

use super::FRESH;

/// How much one namespace keeps, as one server knows it.
#[derive(Debug, Default)]
pub(super) struct Level {
    /// Whether the records were read.
    known: bool,
    /// What this server took, less what it gave back.
    used: i64,
    /// Up to where it may grant: its record says as much, or more.
    counted: i64,
    /// What the records of the other servers say, …
    others: i64,
    /// … and when they were read.
    read: Duration,
}

/// What has to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The records have to be read first.
    Read,
    /// The record has to say so first.
    Raise(i64),
    /// It is done.
    Taken(Taken),
}

impl Next {
    pub(super) const fn taken(self) -> Option<Taken> {
        match self {
            Self::Taken(taken) => Some(taken),
            Self::Read | Self::Raise(_) => None,
        }
    }
}

impl Level {
    pub(super) const fn is_known(&self) -> bool {
        self.known
    }

    /// Takes up to what is left of the quota.
    pub(super) fn take(&mut self, want: i64, quota: i64, now: Duration) -> Next {
        if !self.known || now.saturating_sub(self.read) > FRESH {
            return Next::Read;
        }
        let most = quota.saturating_sub(self.others);
        let free = most.saturating_sub(self.used);
        if free <= 0 {
            return Next::Taken(Taken::Wait(Duration::MAX));
        }
        let taken = want.min(free);
        let used = self.used.saturating_add(taken);
        if used > self.counted {
            return Next::Raise(used.saturating_add(step(quota) / 2).min(most));
        }
        self.used = used;
        Next::Taken(Taken::Granted(taken.unsigned_abs()))
    }

    /// Says whether the record is a step above what is counted. All servers together never took
    /// less than nothing.
    pub(super) fn give_back(&mut self, unused: i64, quota: i64) -> bool {
        let least = self.others.saturating_neg().min(self.used);
        self.used = self.used.saturating_sub(unused).max(least);
        self.counted.saturating_sub(self.used) > step(quota)
    }

    /// What the records say. What this server took since it started it knows better.
    pub(super) const fn read(&mut self, own: i64, others: i64, now: Duration) {
        if !self.known {
            self.used = own;
            self.counted = own;
        }
        (self.known, self.others, self.read) = (true, others, now);
    }

    /// The record says so.
    pub(super) const fn written(&mut self, counted: i64) {
        self.counted = counted;
    }

    /// From now on no more is granted than this much above what is counted, until the record is
    /// raised again. Says how much that is, unless it is so already.
    pub(super) fn lower(&mut self, above: i64) -> Option<i64> {
        let to = self.used.saturating_add(above);
        if to >= self.counted {
            return None;
        }
        self.counted = to;
        Some(to)
    }

    /// What this server has to count where all together keep so much.
    pub(super) const fn recounted(&self, all: i64) -> i64 {
        all.saturating_sub(self.others)
    }

    /// So much is counted.
    pub(super) const fn begin_at(&mut self, used: i64) {
        (self.used, self.counted) = (used, used);
    }
}

/// How far a record may be above what is counted: a 64th of the quota, within bounds.
pub(super) fn step(quota: i64) -> i64 {
    (quota / 64).clamp(1 << 20, 64 << 20)
}
