//! `x-passwords/tries/<name>`: what still counts of the tries to log in, so that a restart is no way
//! around waiting, nor takes from anybody the address at which others do not lock them out.
//!
//! Addresses, and users at an address, are fingerprints. That protects from whoever sees the record and
//! reads it, and from nobody else: the key is in the same record, so with it every address can be tried,
//! and with an address every name.
//!
//! Nothing is written of who failed by name alone, for a minute of which a restart is a way around
//! waiting. A name that is no user's may be a password that somebody typed in the wrong place, which
//! could be searched for; and if only users had to wait after a restart, that would tell who they are.
//! Nor is anything written of passwords that were right.

use std::{
    collections::BTreeMap, convert::Infallible, error::Error, fmt, sync::Arc, time::Duration,
};

use bytes::Bytes;
use registry_core::{
    ports::{Expect, Lookup, PutOutcome, Random, RecordStore, StoreError, StoreErrorKind},
    record::{Nonce, Record, RecordKey, Timestamp},
};
use serde::{Deserialize, Serialize};

use super::{
    fingerprint::Fingerprint,
    tries::{Tables, Tries},
};

const KIND: &str = "x-passwords-tries";

/// Tries that a record store keeps over a restart, as far as they were saved.
pub struct SavedTries {
    tries: Tries,
    records: Arc<dyn RecordStore>,
    random: Arc<dyn Random>,
    key: RecordKey,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    saved: Timestamp,
    /// What the fingerprints were made with, in hex.
    key: String,
    /// For how many milliseconds each counts.
    tables: BTreeMap<String, Vec<(String, Vec<u64>)>>,
}

impl SavedTries {
    /// Goes on with what was saved under this name: to be done before anybody tries. Each server, and
    /// each authenticator of one, needs a name of its own, which stays the same over restarts. What is
    /// damaged is logged, and everybody starts anew.
    ///
    /// # Errors
    /// Of the record store; `Unsupported` where the name has other characters than `[A-Za-z0-9._:@+=-]`,
    /// or more than 254.
    pub async fn open(
        tries: Tries,
        name: &str,
        records: impl RecordStore,
        random: impl Random,
    ) -> Result<Self, StoreError> {
        let key = format!("x-passwords/tries/{name}").parse::<RecordKey>();
        let key = key.ok().filter(|_| !name.contains('/')).ok_or(StoreErrorKind::Unsupported)?;
        let (records, random) = (Arc::new(records), Arc::new(random));
        let saved = Self { tries, records, random, key };
        saved.recall().await?;
        Ok(saved)
    }

    /// Writes down what still counts, if anybody tried since that was done last.
    ///
    /// # Errors
    /// Of the record store. What was written before stays. `Corrupt` where that is no record, until
    /// somebody discards it.
    pub async fn save(&self) -> Result<(), StoreError> {
        let shared = &self.tries.0;
        let Some((names, tables)) = shared.changed() else { return Ok(()) };
        let tables = tables.into_iter().map(|(name, rows)| {
            (name.to_owned(), rows.iter().map(|(who, left)| (written(who), millis(left))).collect())
        });
        let saved = Timestamp::from(shared.clock.now());
        let fields = Fields { saved, key: hex::encode(names), tables: tables.collect() };
        let written = self.write(&fields).await;
        if written.is_err() {
            shared.change();
        }
        written
    }

    /// Saves every so often, and never ends. A failure is logged, and passes or does not.
    pub async fn keep_saving(&self, every: Duration) -> Infallible {
        loop {
            self.tries.0.clock.sleep(every).await;
            if let Err(error) = self.save().await {
                let error = &error as &dyn Error;
                tracing::warn!(key = %self.key, error, "the tries to log in were not saved");
            }
        }
    }

    async fn write(&self, fields: &Fields) -> Result<(), StoreError> {
        loop {
            let expect = match self.records.get(&self.key, None).await? {
                Lookup::Found(version, _) => Expect::Version(version),
                Lookup::Absent | Lookup::Unchanged => Expect::Absent,
            };
            let record = Record::new(KIND, Nonce::new(&*self.random), fields, Bytes::new())?;
            if let PutOutcome::Stored(_) = self.records.put(&self.key, record, expect).await? {
                return Ok(());
            }
        }
    }

    async fn recall(&self) -> Result<(), StoreError> {
        let Some(fields) = self.read().await? else { return Ok(()) };
        let shared = &self.tries.0;
        // Nothing is over by a clock that was set back.
        let passed = fields.saved.until(shared.clock.now().into());
        if let Some((names, tables)) = fields.read(passed) {
            shared.recall(names, tables);
        }
        Ok(())
    }

    /// What is damaged, or makes no sense, says nothing: everybody starts anew, as they would without
    /// it.
    async fn read(&self) -> Result<Option<Fields>, StoreError> {
        let fields = match self.records.get(&self.key, None).await {
            Ok(Lookup::Found(_, record)) => record.fields(KIND).map_err(StoreError::from),
            Ok(Lookup::Absent | Lookup::Unchanged) => return Ok(None),
            Err(error) => Err(error),
        };
        match fields {
            Err(error) if matches!(error.kind(), StoreErrorKind::Corrupt) => {
                let error = &error as &dyn Error;
                tracing::warn!(key = %self.key, error, "the tries to log in are not readable");
                Ok(None)
            }
            fields => fields.map(Some),
        }
    }
}

impl Fields {
    /// What is left after so much time.
    fn read(&self, passed: Duration) -> Option<([u8; 32], Tables<'_>)> {
        let left = |millis: &u64| Duration::from_millis(*millis).checked_sub(passed);
        let row = |(who, millis): &(String, Vec<u64>)| {
            Some((Fingerprint::from(read(who)?), millis.iter().filter_map(left).collect()))
        };
        let tables = self.tables.iter();
        let tables = tables.map(|(name, rows)| (&**name, rows.iter().filter_map(row).collect()));
        Some((read(&self.key)?, tables.collect()))
    }
}

fn written(who: &Fingerprint) -> String {
    hex::encode(<[u8; 32]>::from(*who))
}

fn read(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

/// Rounded up: nobody gains by a restart.
fn millis(left: &[Duration]) -> Vec<u64> {
    let millis = |left: &Duration| left.as_nanos().div_ceil(1_000_000);
    left.iter().map(|left| u64::try_from(millis(left)).unwrap_or(u64::MAX)).collect()
}

impl fmt::Debug for SavedTries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedTries").field("key", &self.key).finish_non_exhaustive()
    }
}
