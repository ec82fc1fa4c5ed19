//! Bytes that come from the network may be in no cache of this processor, or in a distant one, and the
//! SHA instructions are faster than it fetches them by itself: asked for a little ahead, they are
//! hashed half as fast again.
#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "the instruction has no safe name")
)]

use registry_core::digest::HashState;

/// How many bytes are hashed while as many are fetched: the least with which the fetching is hidden.
const PIECE: usize = 1024;

/// Hashes the buffer by the instructions of the processor.
pub(super) fn update(state: &mut HashState, buffer: &[u8]) {
    let mut pieces = buffer.chunks(PIECE).peekable();
    while let Some(piece) = pieces.next() {
        if let Some(next) = pieces.peek() {
            fetch(next);
        }
        state.update(piece);
    }
}

#[cfg(target_arch = "x86_64")]
fn fetch(bytes: &[u8]) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

    const LINE: usize = 64;
    for line in bytes.chunks(LINE) {
        // SAFETY: a hint; it reads nothing that a program could see, and never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}

#[cfg(not(target_arch = "x86_64"))]
const fn fetch(_: &[u8]) {}
