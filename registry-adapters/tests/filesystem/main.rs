//! The filesystem stores keep the contracts of their ports, with either durability, as they are
//! and through the decorator that injects faults.

mod directory;
mod planted;
#[path = "../support/mod.rs"]
mod support;

use std::{future::Future, io, pin::Pin, sync::Arc};

use async_trait::async_trait;
use registry_adapters::filesystem::{Durability, Filesystem, OpenError, Options};
use registry_core::{
    content_store_contract,
    ports::{ContentStore, RecordStore},
    record_store_contract,
    testing::{FaultyHarness, Harness},
};
use rustix::fs::XattrFlags;
use tempfile::TempDir;

struct Directory {
    path: TempDir,
    options: Options,
}

impl Directory {
    fn new(durability: Durability) -> Self {
        let path = match durability {
            Durability::PowerSafe => TempDir::new(),
            _ => in_memory().or_else(|_| TempDir::new()),
        };
        let path = path.expect("a temporary directory is created");
        Self { path, options: Options::new(durability) }
    }

    /// Without room to remember anything.
    fn forgetful() -> Self {
        let mut directory = Self::new(Durability::ProcessSafe);
        directory.options.memory = 0;
        directory
    }

    /// Opens it, as soon as the last write of the store before has ended.
    async fn open(&self) -> Filesystem {
        loop {
            match Filesystem::open(self.path.path(), self.options) {
                Err(OpenError::Busy(_)) => tokio::task::yield_now().await,
                opened => return opened.expect("opens"),
            }
        }
    }
}

/// A directory on a file system in memory, if that can keep what the store needs.
fn in_memory() -> io::Result<TempDir> {
    let path = TempDir::new_in("/dev/shm")?;
    rustix::fs::setxattr(path.path(), "user.test", b"", XattrFlags::empty())?;
    Ok(path)
}

#[async_trait]
impl Harness<dyn ContentStore> for Directory {
    async fn open(&self) -> Arc<dyn ContentStore> {
        Arc::new(Self::open(self).await.contents())
    }

    fn run(&self, clause: Pin<Box<dyn Future<Output = ()> + '_>>) {
        support::run(clause);
    }
}

#[async_trait]
impl Harness<dyn RecordStore> for Directory {
    async fn open(&self) -> Arc<dyn RecordStore> {
        Arc::new(Self::open(self).await.records())
    }

    fn run(&self, clause: Pin<Box<dyn Future<Output = ()> + '_>>) {
        support::run(clause);
    }
}

mod power_safe {
    mod contents {
        use crate::{Directory, Durability::PowerSafe};
        crate::content_store_contract!(Directory::new(PowerSafe));
    }

    mod records {
        use crate::{Directory, Durability::PowerSafe};
        crate::record_store_contract!(Directory::new(PowerSafe));
    }
}

mod process_safe {
    mod contents {
        use crate::{Directory, Durability::ProcessSafe};
        crate::content_store_contract!(Directory::new(ProcessSafe));
    }

    mod records {
        use crate::{Directory, Durability::ProcessSafe};
        crate::record_store_contract!(Directory::new(ProcessSafe));
    }
}

mod without_memory {
    use crate::Directory;
    crate::record_store_contract!(Directory::forgetful());
}

mod behind_a_decorator {
    mod contents {
        use crate::{Directory, Durability::ProcessSafe, FaultyHarness};
        crate::content_store_contract!(FaultyHarness(Directory::new(ProcessSafe)));
    }

    mod records {
        use crate::{Directory, Durability::ProcessSafe, FaultyHarness};
        crate::record_store_contract!(FaultyHarness(Directory::new(ProcessSafe)));
    }
}
