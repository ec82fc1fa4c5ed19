//! How a contract gets at a store.

use std::{future::Future, pin::Pin, sync::Arc};

use async_trait::async_trait;

/// A store under test: `P` is `dyn ContentStore` or `dyn RecordStore`.
///
/// Every test makes a harness of its own. What it opens first is empty, and no other test sees it.
#[async_trait]
pub trait Harness<P: ?Sized + Send + Sync>: Send + Sync {
    /// Opens the store. When it is opened again, everything of the one before was dropped, and it
    /// holds what a new process would find.
    async fn open(&self) -> Arc<P>;

    /// Runs a clause to its end, on the runtime that the store needs.
    fn run(&self, clause: Pin<Box<dyn Future<Output = ()> + '_>>);
}
