//! The port for small facts about bytes.

use std::sync::Arc;

use async_trait::async_trait;
use auto_impl::auto_impl;
use futures::stream::BoxStream;

use super::StoreError;
use crate::record::{Record, RecordKey};

/// Small typed records, changed only by compare-and-swap.
///
/// # Contract
/// Reads are linearizable: a `get` or `list` that starts after a mutation returned sees it.
/// Nothing is shown before it is durable, so that what was read is never lost. Stores never look
/// inside a record.
///
/// What a store is asked for is a key, never a path:
///
/// ```compile_fail,E0308
/// use registry_core::ports::RecordStore;
/// async fn outside(store: &dyn RecordStore) {
///     let _ = store.get("tag/../x", None).await;
/// }
/// ```
#[async_trait]
#[auto_impl(Arc)]
pub trait RecordStore: Send + Sync + 'static {
    /// Reads one record. When its version is still `known`, the store may spare the bytes.
    ///
    /// # Errors
    /// `Corrupt`: what is stored is no record. Others as of any I/O.
    async fn get(&self, key: &RecordKey, known: Option<&Version>) -> Result<Lookup, StoreError>;

    /// Writes one record if the key is as expected. One of several racing writers wins.
    ///
    /// # Errors
    /// The outcome is open: read again, and compare what the record says, since the write may
    /// have happened. `Full`, `Denied` and others.
    async fn put(
        &self,
        key: &RecordKey,
        record: Record,
        expect: Expect,
    ) -> Result<PutOutcome, StoreError>;

    /// Deletes one record if it still has this version.
    ///
    /// # Errors
    /// The outcome is open, as of [`RecordStore::put`].
    async fn delete(&self, key: &RecordKey, version: &Version)
    -> Result<DeleteOutcome, StoreError>;

    /// Every key of the range that is there through the whole listing, in byte order. Keys that
    /// come or go meanwhile may or may not appear; each appears at most once. A key that cannot
    /// be read is an error and never left out.
    fn list(&self, range: KeyRange) -> BoxStream<'static, Result<RecordEntry, StoreError>>;
}

/// Names one state of one record; two states that ever were have different versions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version(Arc<str>);

impl Version {
    /// A version in the store's own words.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The store's own words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a `get` found.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a record is there or it is not")]
pub enum Lookup {
    /// There is no record.
    Absent,
    /// The record still has the version that the caller knows.
    Unchanged,
    /// The record and its version.
    Found(Version, Record),
}

/// What a `put` expects to find.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "compare-and-swap knows these two")]
pub enum Expect {
    /// No record.
    Absent,
    /// The record at this version.
    Version(Version),
}

/// How a `put` ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "compare-and-swap knows these two")]
pub enum PutOutcome {
    /// The record is stored, durable, and has this version.
    Stored(Version),
    /// The key was not as expected; nothing changed.
    Conflict,
}

/// How a `delete` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "compare-and-swap knows these two")]
pub enum DeleteOutcome {
    /// The record is gone, durably.
    Deleted,
    /// The record is absent or has another version; nothing changed.
    Conflict,
}

/// Which keys to list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyRange {
    /// Only keys that start with this text, which ends in `/`.
    pub prefix: String,
    /// Only keys greater than `prefix` followed by this text, which need not make a key.
    pub after: Option<String>,
    /// How many entries the caller will take, as a hint.
    pub limit: Option<usize>,
}

impl KeyRange {
    /// All keys below a prefix.
    #[must_use]
    pub const fn all(prefix: String) -> Self {
        Self { prefix, after: None, limit: None }
    }
}

/// One entry of a listing.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "stores make it")]
pub struct RecordEntry {
    /// Its key.
    pub key: RecordKey,
    /// Its version and record, where the store has them at hand.
    pub record: Option<(Version, Record)>,
}
