//! The stores.

use std::sync::Arc;

use registry_adapters::{
    filesystem::{Durability, Filesystem, Options},
    memory::{MemoryContents, MemoryRecords},
};
use registry_core::ports::{ContentStore, RecordStore};

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
}

/// Opens the stores that the configuration names.
pub(crate) fn stores(config: &Config) -> Result<Stores, Failure> {
    match config.store.value {
        Store::Memory => Ok(Stores {
            contents: Arc::new(MemoryContents::default()),
            records: Arc::new(MemoryRecords::default()),
            is_writable: Box::new(|| true),
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
            let store = Filesystem::open(data, options)?;
            Ok(Stores {
                contents: Arc::new(store.contents()),
                records: Arc::new(store.records()),
                is_writable: Box::new(move || store.is_writable()),
            })
        }
    }
}
