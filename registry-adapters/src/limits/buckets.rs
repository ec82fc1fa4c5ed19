//! All the buckets that are not full, and so many at most.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, DefaultHasher, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use registry_core::ports::{Limit, LimitKey, Random, SubjectKind, Taken};

use super::{bucket::Bucket, rate::Rates};

/// How many parts the buckets are in, each behind a lock of its own.
const SHARDS: usize = 16;

/// What is granted of bytes at least, where as many are asked for: bytes that go out one by one
/// help nobody.
const PIECE: u64 = 1 << 20;

type Shard = HashMap<LimitKey, Bucket, Seeded>;

pub(super) struct Buckets {
    rates: Rates,
    hasher: Seeded,
    shards: Box<[Mutex<Shard>]>,
    /// How many buckets a shard has at most.
    capacity: usize,
}

impl Buckets {
    pub(super) fn new(rates: Rates, max_keys: usize, random: &dyn Random) -> Self {
        let hasher = Seeded::new(random);
        let shards = (0..SHARDS).map(|_| Mutex::new(Shard::with_hasher(hasher))).collect();
        Self { rates, hasher, shards, capacity: max_keys.div_ceil(SHARDS).max(1) }
    }

    /// Whether there is a rate.
    pub(super) fn limits(&self, limit: Limit, kind: SubjectKind) -> bool {
        self.rates.get(limit, kind).is_some()
    }

    pub(super) fn take(&self, key: &LimitKey, want: u64, now: Duration) -> Taken {
        let Some(rate) = self.rates.get(key.limit, key.subject.kind()) else {
            return Taken::Granted(want);
        };
        let piece = if key.limit == Limit::PulledBytes { PIECE } else { 1 };
        let mut shard = self.shard(key);
        if let Some(bucket) = shard.get_mut(key) {
            return match bucket.take(rate, want, piece, now) {
                Ok(taken) => Taken::Granted(taken),
                Err(wait) => Taken::Wait(wait),
            };
        }
        let mut bucket = Bucket::full(now);
        match bucket.take(rate, want, piece, now) {
            Ok(taken) => {
                self.make_room(&mut shard, now);
                shard.insert(key.clone(), bucket);
                Taken::Granted(taken)
            }
            // Never from a full one.
            Err(wait) => Taken::Wait(wait),
        }
    }

    /// A bucket that is not there is full.
    pub(super) fn give_back(&self, key: &LimitKey, unused: u64, now: Duration) {
        let Some(rate) = self.rates.get(key.limit, key.subject.kind()) else { return };
        if let Entry::Occupied(mut bucket) = self.shard(key).entry(key.clone()) {
            bucket.get_mut().give_back(rate, unused, now);
            if bucket.get().until_full(rate, now).is_zero() {
                bucket.remove();
            }
        }
    }

    /// What is not full, and how long until it is. What is full is forgotten on the way.
    pub(super) fn snapshot(&self, now: Duration) -> Vec<(LimitKey, Duration)> {
        let mut entries = Vec::new();
        for shard in &self.shards {
            let mut shard = lock(shard);
            self.forget_full(&mut shard, now);
            let waits =
                shard.iter().map(|(key, bucket)| (key.clone(), self.wait(key, bucket, now)));
            entries.extend(waits);
        }
        entries
    }

    /// Goes on with what a [`Buckets::snapshot`] said.
    pub(super) fn restore(&self, entries: Vec<(LimitKey, Duration)>, now: Duration) {
        for (key, wait) in entries {
            let Some(rate) = self.rates.get(key.limit, key.subject.kind()) else { continue };
            let mut shard = self.shard(&key);
            self.make_room(&mut shard, now);
            shard.insert(key, Bucket::full_after(rate, wait, now));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Forgets, where there is no room for one more, the quarter that would be full soonest: those
    /// are given least by it. One time in many, so that it costs little for each.
    fn make_room(&self, shard: &mut Shard, now: Duration) {
        if shard.len() < self.capacity {
            return;
        }
        self.forget_full(shard, now);
        let keep = self.capacity - self.capacity.div_ceil(4);
        if shard.len() <= keep {
            return;
        }
        let mut waits: Vec<_> =
            shard.iter().map(|(key, bucket)| self.wait(key, bucket, now)).collect();
        let mut surplus = shard.len() - keep;
        let (_, &mut longest, _) = waits.select_nth_unstable(surplus - 1);
        shard.retain(|key, bucket| {
            let stays = surplus == 0 || self.wait(key, bucket, now) > longest;
            surplus -= usize::from(!stays);
            stays
        });
    }

    fn forget_full(&self, shard: &mut Shard, now: Duration) {
        shard.retain(|key, bucket| !self.wait(key, bucket, now).is_zero());
    }

    fn wait(&self, key: &LimitKey, bucket: &Bucket, now: Duration) -> Duration {
        let rate = self.rates.get(key.limit, key.subject.kind());
        rate.map_or(Duration::ZERO, |rate| bucket.until_full(rate, now))
    }

    fn shard(&self, key: &LimitKey) -> MutexGuard<'_, Shard> {
        // The upper bits: a map places its entries by the lower ones.
        lock(&self.shards[(self.hasher.hash_one(key) >> 32) as usize % SHARDS])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // No code that can panic runs between two changes that belong together.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The hash of the standard library, begun with what nobody can guess: else somebody could choose
/// names that all fall in one place.
#[derive(Clone, Copy)]
struct Seeded([u8; 16]);

impl Seeded {
    fn new(random: &dyn Random) -> Self {
        let mut seed = [0; 16];
        random.fill(&mut seed);
        Self(seed)
    }
}

impl BuildHasher for Seeded {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.0);
        hasher
    }
}
