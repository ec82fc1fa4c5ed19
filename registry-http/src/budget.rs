//! The memory that the bodies of all requests may take together.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::future::{self, Either};
use registry_core::{error::RegistryError, manifest::Manifest, ports::Clock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The budget is counted in shares of this size.
const SHARE: u64 = 64 * 1024;

/// The most that a body of any length holds on its way to the disk, at the default `read_size`: a
/// piece being read, one in the core, one being written, and one in between.
const STREAM: u64 = 1024 * 1024;

/// How long a request waits for its share before it is turned away. Manifests come and go in
/// milliseconds, so a short queue saves most clients a second attempt.
const PATIENCE: Duration = Duration::from_secs(5);

/// Shares of memory, given in the order of asking.
pub(crate) struct Budget {
    shares: Arc<Semaphore>,
    total: u32,
    clock: Arc<dyn Clock>,
}

impl Budget {
    /// A budget of this many bytes, one largest manifest at least.
    pub(crate) fn new(bytes: u64, clock: Arc<dyn Clock>) -> Self {
        let total = shares(bytes.max(Manifest::MAX_SIZE as u64));
        Self { shares: Arc::new(Semaphore::new(total as usize)), total, clock }
    }

    /// The share of a body that is passed on as it comes, of this length if that is known.
    pub(crate) async fn stream(
        &self,
        length: Option<u64>,
    ) -> Result<OwnedSemaphorePermit, RegistryError> {
        self.take(length.unwrap_or(STREAM).min(STREAM)).await
    }

    /// The share of a manifest, which is held whole: of this length if that is known.
    pub(crate) async fn manifest(
        &self,
        length: Option<u64>,
    ) -> Result<OwnedSemaphorePermit, RegistryError> {
        let most = Manifest::MAX_SIZE as u64;
        self.take(length.unwrap_or(most).min(most)).await
    }

    async fn take(&self, bytes: u64) -> Result<OwnedSemaphorePermit, RegistryError> {
        let shares = Arc::clone(&self.shares).acquire_many_owned(shares(bytes).min(self.total));
        match future::select(pin!(shares), self.clock.sleep(PATIENCE)).await {
            Either::Left((Ok(permit), _)) => Ok(permit),
            _ => Err(RegistryError::Overloaded),
        }
    }
}

fn shares(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(SHARE).max(1)).unwrap_or(u32::MAX)
}
