//! Typed records in the store.

use std::{
    ops::Range,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use futures::{StreamExt, TryStreamExt};
use registry_core::{
    ports::{
        DeleteOutcome, Expect, KeyRange, Lookup, PutOutcome, Random, RecordStore, StoreError,
        StoreErrorKind, Version,
    },
    record::{Nonce, RecordKey, Timestamp, Typed},
};

use super::AccountsError;

/// How often a change is tried where others change the same.
pub(super) const ROUNDS: Range<u32> = 0..16;

/// How many records of a listing are read at once.
const AT_ONCE: usize = 16;

/// The store, and what a record in it needs.
pub(super) struct Records {
    store: Arc<dyn RecordStore>,
    random: Arc<dyn Random>,
}

/// A record as it was read.
pub(super) struct Read<T> {
    pub(super) version: Version,
    pub(super) value: Arc<T>,
}

impl Records {
    pub(super) fn new(store: Arc<dyn RecordStore>, random: Arc<dyn Random>) -> Self {
        Self { store, random }
    }

    pub(super) async fn read<T: Typed>(
        &self,
        key: &RecordKey,
    ) -> Result<Option<Read<T>>, StoreError> {
        Ok(match self.store.get(key, None).await? {
            Lookup::Found(version, record) => Some(Read { version, value: record.view()? }),
            // No version was given that it could still have.
            Lookup::Absent | Lookup::Unchanged => None,
        })
    }

    /// Writes a record where it is as expected, and says whether it was.
    pub(super) async fn write<T: Typed>(
        &self,
        key: &RecordKey,
        value: &T,
        expect: Expect,
    ) -> Result<bool, StoreError> {
        let record = value.encode(Nonce::new(&*self.random));
        Ok(matches!(self.store.put(key, record, expect).await?, PutOutcome::Stored(_)))
    }

    /// Deletes a record where it has this version, and says whether it had.
    pub(super) async fn delete(
        &self,
        key: &RecordKey,
        version: &Version,
    ) -> Result<bool, StoreError> {
        Ok(self.store.delete(key, version).await? == DeleteOutcome::Deleted)
    }

    /// Changes a record that is there, and gives what it was.
    pub(super) async fn change<T: Typed + Clone>(
        &self,
        key: &RecordKey,
        change: impl Fn(&mut T) + Send + Sync,
    ) -> Result<Arc<T>, AccountsError> {
        for _ in ROUNDS {
            let old = self.read::<T>(key).await?.ok_or(AccountsError::NotFound)?;
            let mut new = T::clone(&old.value);
            change(&mut new);
            if self.write(key, &new, Expect::Version(old.version)).await? {
                return Ok(old.value);
            }
        }
        Err(AccountsError::Busy)
    }

    /// Deletes a record that is there, and gives what it was.
    pub(super) async fn remove<T: Typed>(&self, key: &RecordKey) -> Result<Arc<T>, AccountsError> {
        for _ in ROUNDS {
            let old = self.read::<T>(key).await?.ok_or(AccountsError::NotFound)?;
            if self.delete(key, &old.version).await? {
                return Ok(old.value);
            }
        }
        Err(AccountsError::Busy)
    }

    /// Deletes a record, whatever it says, and says whether it was there. One that the store itself
    /// cannot read is `Corrupt`.
    pub(super) async fn remove_unread(&self, key: &RecordKey) -> Result<bool, AccountsError> {
        for _ in ROUNDS {
            let Lookup::Found(version, _) = self.store.get(key, None).await? else {
                return Ok(false);
            };
            if self.delete(key, &version).await? {
                return Ok(true);
            }
        }
        Err(AccountsError::Busy)
    }

    /// Every record of a sort, in the order of their keys; `Corrupt` in the place of one that cannot be
    /// read.
    pub(super) async fn all<T: Typed>(
        &self,
        prefix: &str,
    ) -> Result<Vec<(RecordKey, Result<Arc<T>, StoreError>)>, StoreError> {
        let entries = self.store.list(KeyRange::all(prefix.to_owned()));
        let read = entries.map_ok(|entry| async move {
            let value = match entry.record {
                Some((_, record)) => record.view().map(Some).map_err(StoreError::from),
                None => self.read(&entry.key).await.map(|read| read.map(|read| read.value)),
            };
            match value {
                // Who is not there any more was deleted meanwhile.
                Ok(value) => Ok(value.map(|value| (entry.key, Ok(value)))),
                Err(error) if is_corrupt(&error) => Ok(Some((entry.key, Err(error)))),
                Err(error) => Err(error),
            }
        });
        let found = read.try_buffered(AT_ONCE).try_filter_map(|found| async move { Ok(found) });
        found.boxed().try_collect().await
    }
}

/// Whether what is stored is the trouble, and not the store.
pub(super) fn is_corrupt(error: &StoreError) -> bool {
    error.kind() == StoreErrorKind::Corrupt
}

/// The prefix of all records of a sort.
pub(super) fn prefix(sort: &str) -> String {
    format!("x-accounts/{sort}/")
}

/// The key of a record of this crate.
pub(super) fn key(sort: &str, path: &str) -> RecordKey {
    let key = format!("x-accounts/{sort}/{path}").parse();
    key.expect("names and ids are of the characters of a key, and shorter than one may be")
}

/// The time of day that a record keeps.
pub(super) fn system_time(time: Timestamp) -> SystemTime {
    UNIX_EPOCH + Timestamp::from(UNIX_EPOCH).until(time)
}
