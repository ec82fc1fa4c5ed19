//! Hashing.

use async_trait::async_trait;
use auto_impl::auto_impl;
use bytes::Bytes;

use crate::digest::HashState;

/// Feeds bytes to a hash: in line, on another thread while the bytes are written, or many
/// uploads at once.
#[async_trait]
#[auto_impl(Arc)]
pub trait HashBackend: Send + Sync + 'static {
    /// The state after these buffers, in their order. The buffers are not copied; together they
    /// have at most a few hundred KiB, so that an implementation may hash them without a pause.
    async fn update(&self, state: HashState, buffers: Vec<Bytes>) -> HashState;
}

/// The default: the `sha2` crate, in line.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Sha2;

#[async_trait]
impl HashBackend for Sha2 {
    async fn update(&self, mut state: HashState, buffers: Vec<Bytes>) -> HashState {
        for buffer in &buffers {
            state.update(buffer);
        }
        state
    }
}
