//! Typed reading and swapping of records.

use std::sync::Arc;

use super::Inner;
use crate::{
    ports::{DeleteOutcome, Expect, Lookup, PutOutcome, StoreError, Version},
    record::{Nonce, Record, RecordKey, Timestamp, Typed},
};

/// A record's value and the version at which it was read.
#[derive(Debug)]
pub(super) struct Stored<T> {
    pub(super) value: Arc<T>,
    pub(super) version: Version,
}

/// Somebody else changed the record first. Read again and decide anew.
#[derive(Debug)]
pub(super) struct Conflict;

impl<T: Typed> Stored<T> {
    pub(super) fn decode(version: Version, record: &Record) -> Result<Self, StoreError> {
        Ok(Self { value: record.view()?, version })
    }
}

impl Inner {
    pub(super) async fn read<T: Typed>(
        &self,
        key: &RecordKey,
    ) -> Result<Option<Stored<T>>, StoreError> {
        match self.records.get(key, None).await? {
            Lookup::Absent | Lookup::Unchanged => Ok(None),
            Lookup::Found(version, record) => Stored::decode(version, &record).map(Some),
        }
    }

    /// Writes where there is no record.
    pub(super) async fn create<T: Typed>(
        &self,
        key: &RecordKey,
        value: &T,
    ) -> Result<Result<Version, Conflict>, StoreError> {
        self.write(key, value, Expect::Absent).await
    }

    /// Writes over the version that was read.
    pub(super) async fn swap<T: Typed>(
        &self,
        key: &RecordKey,
        value: &T,
        read: &Version,
    ) -> Result<Result<Version, Conflict>, StoreError> {
        self.write(key, value, Expect::Version(read.clone())).await
    }

    /// Writes over what was read, or where nothing was.
    pub(super) async fn replace<T: Typed>(
        &self,
        key: &RecordKey,
        value: &T,
        read: Option<&Stored<T>>,
    ) -> Result<Result<Version, Conflict>, StoreError> {
        let expect = read.map_or(Expect::Absent, |read| Expect::Version(read.version.clone()));
        self.write(key, value, expect).await
    }

    async fn write<T: Typed>(
        &self,
        key: &RecordKey,
        value: &T,
        expect: Expect,
    ) -> Result<Result<Version, Conflict>, StoreError> {
        // A fresh nonce in every write (I4).
        let record = value.encode(Nonce::new(&*self.random));
        Ok(match self.records.put(key, record, expect).await? {
            PutOutcome::Stored(version) => Ok(version),
            PutOutcome::Conflict => Err(Conflict),
        })
    }

    /// Deletes at the version that was read.
    pub(super) async fn remove(
        &self,
        key: &RecordKey,
        read: &Version,
    ) -> Result<Result<(), Conflict>, StoreError> {
        Ok(match self.records.delete(key, read).await? {
            DeleteOutcome::Deleted => Ok(()),
            DeleteOutcome::Conflict => Err(Conflict),
        })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now().into()
    }
}
