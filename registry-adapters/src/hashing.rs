//! Hashing by whatever this processor does fastest, and off the reactor where that is slow.
//!
//! The `sha2` crate uses the SHA instructions of a processor that has them, and no library is
//! faster then. Without them its portable code is, for SHA-256, about half as fast as the assembly
//! of AWS-LC. Both go on from the same saved state, so an upload that one began the other ends.

mod aws_lc;
mod prefetch;

use async_trait::async_trait;
use bytes::Bytes;
use registry_core::{
    digest::{Algorithm, HashState},
    ports::HashBackend,
};

/// The fastest hashing of this processor.
#[must_use]
pub fn fastest() -> Hashing {
    Hashing { sha256: fastest_sha256(), sha512: Method::AwsLc }
}

/// Hashes in line by the `sha2` crate. What AWS-LC hashes, since the processor has no instructions for
/// it, goes to the blocking threads of a tokio runtime, within which it must be used, unless it is too
/// small to be worth the way there.
#[derive(Clone, Copy, Debug)]
pub struct Hashing {
    sha256: Method,
    sha512: Method,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Sha2,
    AwsLc,
}

/// Without instructions for it, hashing this many bytes takes more than a hundred microseconds, and
/// the reactor serves nobody meanwhile. With them it takes some tens: less than the bytes cost that
/// another processor has to fetch from this one's cache.
const WORTH_THE_WAY: usize = 64 << 10;

impl Hashing {
    /// Always the `sha2` crate, in line.
    #[must_use]
    pub const fn sha2() -> Self {
        Self { sha256: Method::Sha2, sha512: Method::Sha2 }
    }

    /// Always AWS-LC, also where the processor has instructions.
    #[must_use]
    pub const fn aws_lc() -> Self {
        Self { sha256: Method::AwsLc, sha512: Method::AwsLc }
    }

    fn method(self, state: &HashState) -> Method {
        match state.algorithm() {
            Algorithm::Sha256 => self.sha256,
            Algorithm::Sha512 => self.sha512,
            _ => Method::Sha2,
        }
    }

    fn hash(self, mut state: HashState, buffers: &[Bytes]) -> HashState {
        match self.method(&state) {
            Method::AwsLc => aws_lc::update(&state, buffers),
            Method::Sha2 => {
                buffers.iter().for_each(|buffer| prefetch::update(&mut state, buffer));
                state
            }
        }
    }
}

#[async_trait]
impl HashBackend for Hashing {
    async fn update(&self, state: HashState, buffers: Vec<Bytes>) -> HashState {
        let hashing = *self;
        let size: usize = buffers.iter().map(Bytes::len).sum();
        if hashing.method(&state) == Method::Sha2 || size < WORTH_THE_WAY {
            return hashing.hash(state, &buffers);
        }
        let (moved, shared) = (state.clone(), buffers.clone());
        let hashed = tokio::task::spawn_blocking(move || hashing.hash(moved, &shared)).await;
        // The runtime ends and starts nothing any more.
        hashed.unwrap_or_else(|_| hashing.hash(state, &buffers))
    }
}

#[cfg(target_arch = "x86_64")]
fn fastest_sha256() -> Method {
    let has_instructions = std::arch::is_x86_feature_detected!("sha");
    if has_instructions { Method::Sha2 } else { Method::AwsLc }
}

#[cfg(target_arch = "aarch64")]
fn fastest_sha256() -> Method {
    let has_instructions = std::arch::is_aarch64_feature_detected!("sha2");
    if has_instructions { Method::Sha2 } else { Method::AwsLc }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const fn fastest_sha256() -> Method {
    Method::AwsLc
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::FutureExt;
    use proptest::prelude::*;
    use tokio::{runtime, task::spawn_blocking};

    use super::*;

    #[tokio::test]
    async fn every_method_gives_the_same_digest_wherever_it_hashes() {
        let buffers: Vec<Bytes> = (0..40).map(|n| Bytes::from(vec![n; 10_000])).collect();
        for count in [1, 40] {
            let buffers = &buffers[..count];
            for algorithm in Algorithm::ALL {
                let want = algorithm.digest(&buffers.concat());
                for hashing in [fastest(), Hashing::sha2(), Hashing::aws_lc()] {
                    let state = hashing.update(HashState::new(algorithm), buffers.to_vec()).await;
                    assert_eq!(state.finish(), want, "{hashing:?}, {count} buffers");
                }
            }
        }
    }

    #[test]
    fn only_what_aws_lc_hashes_leaves_the_thread_and_only_where_it_is_large() {
        let runtime = runtime::Builder::new_current_thread().max_blocking_threads(1).build();
        runtime.unwrap().block_on(async {
            // The only other thread is busy, so that what leaves this one does not end.
            let (go_on, busy) = mpsc::channel::<()>();
            drop(spawn_blocking(move || busy.recv()));
            for (hashing, size, ends) in [
                (Hashing::sha2(), 4 * WORTH_THE_WAY, true),
                (Hashing::aws_lc(), WORTH_THE_WAY - 1, true),
                (Hashing::aws_lc(), WORTH_THE_WAY, false),
            ] {
                for algorithm in Algorithm::ALL {
                    let buffers = vec![Bytes::from(vec![7; size])];
                    let update = hashing.update(HashState::new(algorithm), buffers);
                    let ended = update.now_or_never().is_some();
                    assert_eq!(ended, ends, "{hashing:?}, {size} bytes, {algorithm}");
                }
            }
            drop(go_on);
        });
    }

    proptest! {
        #[test]
        fn each_goes_on_from_the_state_of_the_other(
            bytes in prop::collection::vec(any::<u8>(), 0..1500),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
            first_is_aws_lc: bool,
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            for algorithm in Algorithm::ALL {
                let mut reference = HashState::new(algorithm);
                let mut state = HashState::new(algorithm);
                for (turn, cut) in cuts.windows(2).enumerate() {
                    let buffer = Bytes::copy_from_slice(&bytes[cut[0]..cut[1]]);
                    reference.update(&buffer);
                    let aws_lc = (turn % 2 == 0) == first_is_aws_lc;
                    let hashing = if aws_lc { Hashing::aws_lc() } else { Hashing::sha2() };
                    state = hashing.hash(state, &[buffer]);
                    prop_assert_eq!(state.to_string(), reference.to_string());
                }
                prop_assert_eq!(state.finish(), algorithm.digest(&bytes));
            }
        }
    }
}
