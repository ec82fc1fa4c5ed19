//! Records in memory.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use registry_core::{
    ports::{
        DeleteOutcome, Expect, KeyRange, Lookup, PutOutcome, RecordEntry, RecordStore, StoreError,
        Version,
    },
    record::{Record, RecordKey},
};

/// A record store in memory. Clones share what they hold.
#[derive(Clone, Debug, Default)]
pub struct MemoryRecords(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    records: BTreeMap<Box<str>, Stored>,
    /// How many puts there were: the next version, which therefore never returns.
    puts: u64,
}

#[derive(Clone, Debug)]
struct Stored {
    key: RecordKey,
    version: Version,
    record: Record,
}

/// How many entries a listing takes at once, so that it never holds the lock for long.
const BATCH: usize = 256;

impl MemoryRecords {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs between two changes that belong together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next entries of a listing.
    fn batch(&self, prefix: &str, after: &Bound<String>) -> Vec<RecordEntry> {
        let state = self.state();
        let range = (after.as_ref().map(String::as_str), Bound::Unbounded);
        let below = state.records.range::<str, _>(range);
        below
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(BATCH)
            .map(|(_, stored)| RecordEntry {
                key: stored.key.clone(),
                record: Some((stored.version.clone(), stored.record.clone())),
            })
            .collect()
    }
}

impl State {
    fn is_as_expected(&self, key: &RecordKey, expect: &Expect) -> bool {
        match (self.records.get(key.as_str()), expect) {
            (None, Expect::Absent) => true,
            (Some(stored), Expect::Version(version)) => stored.version == *version,
            (None, Expect::Version(_)) | (Some(_), Expect::Absent) => false,
        }
    }
}

#[async_trait]
impl RecordStore for MemoryRecords {
    async fn get(&self, key: &RecordKey, known: Option<&Version>) -> Result<Lookup, StoreError> {
        Ok(match self.state().records.get(key.as_str()) {
            None => Lookup::Absent,
            Some(stored) if Some(&stored.version) == known => Lookup::Unchanged,
            Some(stored) => Lookup::Found(stored.version.clone(), stored.record.clone()),
        })
    }

    async fn put(
        &self,
        key: &RecordKey,
        record: Record,
        expect: Expect,
    ) -> Result<PutOutcome, StoreError> {
        let mut state = self.state();
        if !state.is_as_expected(key, &expect) {
            return Ok(PutOutcome::Conflict);
        }
        state.puts += 1;
        let version = Version::new(state.puts.to_string());
        let stored = Stored { key: key.clone(), version: version.clone(), record };
        state.records.insert(key.as_str().into(), stored);
        Ok(PutOutcome::Stored(version))
    }

    async fn delete(
        &self,
        key: &RecordKey,
        version: &Version,
    ) -> Result<DeleteOutcome, StoreError> {
        let mut state = self.state();
        if !state.is_as_expected(key, &Expect::Version(version.clone())) {
            return Ok(DeleteOutcome::Conflict);
        }
        state.records.remove(key.as_str());
        Ok(DeleteOutcome::Deleted)
    }

    fn list(&self, range: KeyRange) -> BoxStream<'static, Result<RecordEntry, StoreError>> {
        let records = self.clone();
        let prefix = range.prefix;
        let start = match range.after {
            Some(after) => Bound::Excluded(prefix.clone() + &after),
            None => Bound::Included(prefix.clone()),
        };
        let batches = stream::unfold(start, move |after| {
            let batch = records.batch(&prefix, &after);
            let last = batch.last().map(|entry| Bound::Excluded(entry.key.as_str().to_owned()));
            async move { last.map(|last| (stream::iter(batch), last)) }
        });
        batches.flatten().map(Ok).boxed()
    }
}
