//! One hash at a time for each core to spare.

use std::{num::NonZero, pin::pin, sync::Arc, thread, time::Duration};

use futures::future::{self, Either};
use registry_core::ports::{AuthenticationError, Clock};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task,
};

/// How long a password waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// When to come back if that was not enough.
const COME_BACK: Duration = Duration::from_secs(1);

/// Turns at computing the hash of a password: as many at a time as the machine has cores but one,
/// and one where it has one. Clones are the same turns.
#[derive(Clone, Debug)]
pub struct Turns(Arc<Semaphore>);

/// Whose turn it is, until this is dropped.
pub(crate) struct Turn(
    #[expect(dead_code, reason = "dropping it ends the turn")] OwnedSemaphorePermit,
);

impl Default for Turns {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self(Arc::new(Semaphore::new(cores.saturating_sub(1).max(1))))
    }
}

impl Turns {
    /// Waits for a turn, and not without end.
    ///
    /// # Errors
    /// `Throttled`.
    pub(crate) async fn take(&self, clock: &dyn Clock) -> Result<Turn, AuthenticationError> {
        let turn = pin!(Arc::clone(&self.0).acquire_owned());
        match future::select(turn, clock.sleep(PATIENCE)).await {
            // The semaphore is never closed.
            Either::Left((Ok(turn), _)) => Ok(Turn(turn)),
            _ => Err(AuthenticationError::Throttled { retry_after: COME_BACK }),
        }
    }
}

impl Turn {
    /// Computes a hash on a thread that may block. The turn ends with it, and not when whoever waits
    /// for it gives up.
    ///
    /// # Errors
    /// `Unavailable` where it panicked, or the runtime stops.
    pub(crate) async fn compute<T: Send + 'static>(
        self,
        hash: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AuthenticationError> {
        let done = task::spawn_blocking(move || {
            let _turn = self;
            hash()
        });
        done.await.map_err(|error| AuthenticationError::Unavailable(Box::new(error)))
    }
}
