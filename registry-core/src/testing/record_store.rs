//! The contract of [`RecordStore`], clause by clause.

pub mod listing;
pub mod racing;
pub mod reading;
pub mod restarting;
pub mod swapping;

use bytes::Bytes;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::{
    Seeded,
    polling::{DROPPED_AFTER, drop_after},
};
use crate::{
    ports::{
        DeleteOutcome, Expect, KeyRange, Lookup, PutOutcome, RecordEntry, RecordStore, Version,
    },
    record::{Nonce, Record, RecordKey},
};

const KIND: &str = "x-contract";

/// What the records of these clauses say.
#[derive(Serialize, Deserialize)]
struct Fields {
    number: u64,
}

/// Makes records, each with a fresh nonce as core does.
#[derive(Default)]
struct Records(Seeded);

impl Records {
    fn next(&self, number: u64) -> Record {
        self.with_body(number, Bytes::new())
    }

    fn with_body(&self, number: u64, body: Bytes) -> Record {
        Record::new(KIND, Nonce::new(&self.0), &Fields { number }, body).expect("it is small")
    }
}

fn number(record: &Record) -> u64 {
    record.fields::<Fields>(KIND).expect("it is a record of these clauses").number
}

#[track_caller]
fn key(text: &str) -> RecordKey {
    text.parse().expect("it is a key")
}

/// Creates a record.
async fn create(store: &dyn RecordStore, key: &RecordKey, record: &Record) -> Version {
    stored(store.put(key, record.clone(), Expect::Absent).await.expect("puts"))
}

/// Swaps a record.
async fn swap(
    store: &dyn RecordStore,
    key: &RecordKey,
    record: &Record,
    version: &Version,
) -> PutOutcome {
    store.put(key, record.clone(), Expect::Version(version.clone())).await.expect("puts")
}

#[track_caller]
fn stored(outcome: PutOutcome) -> Version {
    match outcome {
        PutOutcome::Stored(version) => version,
        PutOutcome::Conflict => panic!("the key was as expected, and yet the put conflicts"),
    }
}

async fn get(store: &dyn RecordStore, key: &RecordKey) -> Option<(Version, Record)> {
    match store.get(key, None).await.expect("gets") {
        Lookup::Absent => None,
        Lookup::Found(version, record) => Some((version, record)),
        Lookup::Unchanged => panic!("no version is known"),
    }
}

async fn remove(store: &dyn RecordStore, key: &RecordKey, version: &Version) -> DeleteOutcome {
    store.delete(key, version).await.expect("deletes")
}

async fn entries(store: &dyn RecordStore, range: KeyRange) -> Vec<RecordEntry> {
    store.list(range).map(|entry| entry.expect("lists")).collect().await
}

/// The keys of a range, as text.
async fn keys(store: &dyn RecordStore, range: KeyRange) -> Vec<String> {
    entries(store, range).await.iter().map(|entry| entry.key.to_string()).collect()
}

fn below(prefix: &str) -> KeyRange {
    KeyRange::all(prefix.to_owned())
}
