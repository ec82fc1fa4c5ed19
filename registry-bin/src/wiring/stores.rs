//! The stores.

use std::sync::Arc;

use futures::future::BoxFuture;
use registry_adapters::{
    filesystem::{Durability, Filesystem, Options},
    memory::{MemoryContents, MemoryRecords},
};
use registry_core::{
    ports::{ContentStore, RecordStore, StoreError},
    record::RecordKey,
};

use crate::{
    config::{self, Config, Store},
    directory,
    failure::Failure,
};

/// Both storage ports.
pub(crate) struct Stores {
    pub(crate) contents: Arc<dyn ContentStore>,
    pub(crate) records: Arc<dyn RecordStore>,
    /// Says whether they still write, which a store on a disk stops to do when a sync fails.
    pub(crate) is_writable: Box<dyn Fn() -> bool + Send + Sync>,
    /// Deletes what lies in the place of a record and is none.
    pub(crate) discard: Discard,
}

/// Says whether it deleted what lies in the place of a record and is none.
pub(crate) type Discard =
    Arc<dyn Fn(RecordKey) -> BoxFuture<'static, Result<bool, StoreError>> + Send + Sync>;

/// Opens the stores that the configuration names.
pub(crate) fn stores(config: &Config) -> Result<Stores, Failure> {
    match config.store.value {
        Store::Memory => Ok(Stores {
            contents: Arc::new(MemoryContents::default()),
            records: Arc::new(MemoryRecords::default()),
            is_writable: Box::new(|| true),
            discard: Arc::new(|_| Box::pin(async { Ok(false) })),
        }),
        Store::Filesystem => {
            let mut options = Options::new(match config.durability.value {
                config::Durability::PowerSafe => Durability::PowerSafe,
                config::Durability::ProcessSafe => Durability::ProcessSafe,
            });
            options.memory =
                usize::try_from(config.record_memory.value.get()).unwrap_or(usize::MAX);
            let data = config.data.value.path();
            // Where it fails the store does, and says why.
            let _ = directory::make(data);
            directory::check(data)?;
            let store = Filesystem::open(data, options)?;
            let records = store.records();
            Ok(Stores {
                contents: Arc::new(store.contents()),
                records: Arc::new(records.clone()),
                discard: Arc::new(move |key| {
                    let records = records.clone();
                    Box::pin(async move { records.discard_corrupt(&key).await })
                }),
                is_writable: Box::new(move || store.is_writable()),
            })
        }
    }
}
