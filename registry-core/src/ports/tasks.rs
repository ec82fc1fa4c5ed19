//! Work that must end though the client hung up.

use std::{future::Future, pin::Pin};

use auto_impl::auto_impl;

/// Runs work apart from the request that started it.
///
/// The storage protocol survives a crash anywhere, so work that is dropped at a shutdown loses
/// nothing; running it to its end only spares the client a second attempt.
#[auto_impl(Arc)]
pub trait Tasks: Send + Sync + 'static {
    /// Starts the work and returns at once.
    fn spawn(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>);
}
