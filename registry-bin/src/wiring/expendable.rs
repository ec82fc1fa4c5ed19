//! Records without which a server goes on as well.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use registry_core::{
    ports::{
        DeleteOutcome, Expect, KeyRange, Lookup, PutOutcome, RecordEntry, RecordStore, StoreError,
        StoreErrorKind, Version,
    },
    record::{Record, RecordKey},
};

use super::stores::{Discard, Stores};

/// What is remembered over a restart, and may be forgotten.
const EXPENDABLE: [&str; 2] = ["x-limits/rates/", "x-passwords/tries/"];

/// The records, of which those that are expendable are dropped where they are damaged: a server that
/// does not start, or never remembers anything again, is worse than one that forgot.
pub(super) struct Expendable {
    records: Arc<dyn RecordStore>,
    discard: Discard,
}

impl Expendable {
    pub(super) fn new(stores: &Stores) -> Self {
        let (records, discard) = (Arc::clone(&stores.records), Arc::clone(&stores.discard));
        Self { records, discard }
    }
}

#[async_trait]
impl RecordStore for Expendable {
    async fn get(&self, key: &RecordKey, known: Option<&Version>) -> Result<Lookup, StoreError> {
        let is_expendable = EXPENDABLE.iter().any(|prefix| key.as_str().starts_with(prefix));
        let corrupt = match self.records.get(key, known).await {
            Err(error) if is_expendable && matches!(error.kind(), StoreErrorKind::Corrupt) => error,
            found => return found,
        };
        // It is damaged still where it cannot be dropped.
        let dropped = (self.discard)(key.clone()).await;
        if dropped.map_err(|error| StoreError::with_source(StoreErrorKind::Corrupt, error))? {
            let error = &corrupt as &dyn std::error::Error;
            tracing::warn!(%key, error, "dropped a damaged record: what it remembered is forgotten");
        }
        self.records.get(key, known).await
    }

    async fn put(
        &self,
        key: &RecordKey,
        record: Record,
        expect: Expect,
    ) -> Result<PutOutcome, StoreError> {
        self.records.put(key, record, expect).await
    }

    async fn delete(
        &self,
        key: &RecordKey,
        version: &Version,
    ) -> Result<DeleteOutcome, StoreError> {
        self.records.delete(key, version).await
    }

    fn list(&self, range: KeyRange) -> BoxStream<'static, Result<RecordEntry, StoreError>> {
        self.records.list(range)
    }
}
