//! Records at hand.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use registry_core::{
    ports::{Expect, Lookup, Version},
    record::{Record, RecordKey},
};

use super::cache::Cache;

/// Records that were used lately, in bounded memory, as they are on the disk.
///
/// Whoever changes a record says so here once the change is durable; so a reader sees nothing
/// that could be lost. Nobody puts in what he read without holding the record's lock.
#[derive(Debug)]
pub(super) struct Hot {
    shards: Box<[Mutex<Cache<RecordKey, Known>>]>,
    hasher: RandomState,
}

/// What is known of a record. That it is absent is known, too: a push asks for much that is not
/// there yet.
#[derive(Clone, Debug)]
pub(super) enum Known {
    Absent,
    There(Version, Record),
}

/// Few, so that a large manifest fits into one of them.
const SHARDS: usize = 8;
/// What an entry costs in memory, besides the bytes of key and record.
const OVERHEAD: usize = 320;

impl Hot {
    /// Keeps about as many bytes as `limit`.
    #[expect(clippy::disallowed_methods, reason = "it only says which lock a record has")]
    pub(super) fn new(limit: usize) -> Self {
        let shard = || Mutex::new(Cache::new(limit / SHARDS, limit / SHARDS / 4));
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), hasher: RandomState::new() }
    }

    pub(super) fn get(&self, key: &RecordKey) -> Option<Known> {
        self.shard(key).get(key).cloned()
    }

    pub(super) fn insert(&self, key: &RecordKey, known: Known) {
        let weight = OVERHEAD + 2 * key.as_str().len() + known.len();
        self.shard(key).insert(key.clone(), known, weight);
    }

    pub(super) fn forget(&self, key: &RecordKey) {
        self.shard(key).remove(key);
    }

    fn shard(&self, key: &RecordKey) -> MutexGuard<'_, Cache<RecordKey, Known>> {
        #[expect(clippy::cast_possible_truncation, reason = "any part of a hash will do")]
        let shard = self.hasher.hash_one(key) as usize % SHARDS;
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    pub(super) fn is(&self, expected: &Expect) -> bool {
        match (self, expected) {
            (Self::Absent, Expect::Absent) => true,
            (Self::There(version, _), Expect::Version(expected)) => version == expected,
            (Self::Absent, Expect::Version(_)) | (Self::There(..), Expect::Absent) => false,
        }
    }

    /// The answer to somebody who may know a version.
    pub(super) fn lookup(self, known: Option<&Version>) -> Lookup {
        match self {
            Self::Absent => Lookup::Absent,
            Self::There(version, _) if Some(&version) == known => Lookup::Unchanged,
            Self::There(version, record) => Lookup::Found(version, record),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Absent => 0,
            Self::There(_, record) => record.len(),
        }
    }
}
