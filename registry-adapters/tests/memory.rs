//! The memory stores keep the contracts of their ports, as they are and through the decorator
//! that injects faults.

mod support;

use std::{future::Future, pin::Pin, sync::Arc};

use async_trait::async_trait;
use registry_adapters::memory::{MemoryContents, MemoryRecords};
use registry_core::{
    content_store_contract,
    ports::{ContentStore, RecordStore},
    record_store_contract,
    testing::{FaultyHarness, Harness},
};

/// What a memory store holds lasts as long as somebody has it: here, as long as the harness.
#[derive(Default)]
struct Memory {
    contents: MemoryContents,
    records: MemoryRecords,
}

#[async_trait]
impl Harness<dyn ContentStore> for Memory {
    async fn open(&self) -> Arc<dyn ContentStore> {
        Arc::new(self.contents.clone())
    }

    fn run(&self, clause: Pin<Box<dyn Future<Output = ()> + '_>>) {
        support::run(clause);
    }
}

#[async_trait]
impl Harness<dyn RecordStore> for Memory {
    async fn open(&self) -> Arc<dyn RecordStore> {
        Arc::new(self.records.clone())
    }

    fn run(&self, clause: Pin<Box<dyn Future<Output = ()> + '_>>) {
        support::run(clause);
    }
}

mod contents {
    super::content_store_contract!(super::Memory::default());
}

mod records {
    super::record_store_contract!(super::Memory::default());
}

mod contents_behind_a_decorator {
    super::content_store_contract!(super::FaultyHarness(super::Memory::default()));
}

mod records_behind_a_decorator {
    super::record_store_contract!(super::FaultyHarness(super::Memory::default()));
}
