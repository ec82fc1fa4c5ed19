//! The memory that the bodies of all requests may take together.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::future::{self, BoxFuture, Either, FutureExt};
use registry_core::{error::BodyError, manifest::Manifest, ports::Clock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The budget is counted in shares of this size.
const SHARE: u64 = 64 * 1024;

/// The largest piece in bytes in which a body is read, unless the server is told otherwise.
pub(crate) const PIECE: usize = 256 * 1024;

/// The most that a body of any length holds on its way to the disk: a piece being read, one in the
/// core, one being written, and one in between.
const STREAM: u64 = 4 * PIECE as u64;

/// How long a request waits for its share before it is turned away. Manifests come and go in
/// milliseconds, so a short queue saves most clients a second attempt.
const PATIENCE: Duration = Duration::from_secs(5);

/// Shares of memory, given in the order of asking.
pub(crate) struct Budget {
    shares: Arc<Semaphore>,
    total: u32,
    clock: Arc<dyn Clock>,
}

/// A share that is asked for when it is first polled, so that a request which is refused without
/// its body being read neither waits for one nor holds it.
pub(crate) type Share = BoxFuture<'static, Result<OwnedSemaphorePermit, BodyError>>;

impl Budget {
    /// A budget of this many bytes, one largest manifest at least.
    pub(crate) fn new(bytes: u64, clock: Arc<dyn Clock>) -> Self {
        let total = shares(bytes.max(Manifest::MAX_SIZE as u64));
        Self { shares: Arc::new(Semaphore::new(total as usize)), total, clock }
    }

    /// The share of a body that is passed on as it comes, of this length if that is known.
    pub(crate) fn stream(&self, length: Option<u64>) -> Share {
        self.share(length.unwrap_or(STREAM).min(STREAM))
    }

    /// The share of a manifest, which is held whole: of this length if that is known.
    pub(crate) fn manifest(&self, length: Option<u64>) -> Share {
        let most = Manifest::MAX_SIZE as u64;
        self.share(length.unwrap_or(most).min(most))
    }

    fn share(&self, bytes: u64) -> Share {
        let count = shares(bytes).min(self.total);
        let (shares, clock) = (Arc::clone(&self.shares), Arc::clone(&self.clock));
        async move {
            let permit = pin!(shares.acquire_many_owned(count));
            match future::select(permit, clock.sleep(PATIENCE)).await {
                Either::Left((Ok(permit), _)) => Ok(permit),
                _ => Err(BodyError::Overloaded),
            }
        }
        .boxed()
    }
}

fn shares(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(SHARE).max(1)).unwrap_or(u32::MAX)
}
