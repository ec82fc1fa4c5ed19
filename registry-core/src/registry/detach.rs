//! Work that goes on though the client hung up.

use std::future::Future;

use futures::channel::oneshot;

use super::Registry;
use crate::{
    error::RegistryError,
    ports::{StoreError, StoreErrorKind},
};

impl Registry {
    /// Runs work apart from the request where the registry was given
    /// [`Tasks`](crate::ports::Tasks), else within it.
    pub(super) async fn detached<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, RegistryError>> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let Some(tasks) = &self.0.tasks else { return work.await };
        let (sender, receiver) = oneshot::channel();
        tasks.spawn(Box::pin(async move {
            // The receiver is gone when the client hung up; the work is done all the same.
            let _ = sender.send(work.await);
        }));
        // The task was dropped before its end: the server stops.
        receiver.await.unwrap_or_else(|_| Err(stopping().into()))
    }
}

fn stopping() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable { retry_after: None })
}
