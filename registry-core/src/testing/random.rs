//! Chance that repeats.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{digest::Algorithm, ports::Random};

/// Bytes that look random, never repeat within one value, and are the same in every run.
#[derive(Debug, Default)]
pub struct Seeded {
    seed: u64,
    calls: AtomicU64,
}

impl Seeded {
    /// Another seed gives other bytes.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, calls: AtomicU64::new(0) }
    }
}

impl Random for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let call = self.calls.fetch_add(1, Ordering::Relaxed);
            let block = Algorithm::Sha256.digest(format!("{}/{call}", self.seed).as_bytes());
            chunk.copy_from_slice(
                &hex::decode(block.hex()).expect("a digest is hex")[..chunk.len()],
            );
        }
    }
}
