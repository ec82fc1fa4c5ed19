//! What the tests of several stores share.

use std::{future::Future, pin::Pin};

/// Runs a clause on a runtime of its own.
pub(crate) fn run(clause: Pin<Box<dyn Future<Output = ()> + '_>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(clause);
}
