//! SHA-2 by AWS-LC, whose state can be taken apart.
//!
//! `aws-lc-rs`, the safe wrapper, does not give its state away, and an upload's hash must be saved
//! with its checkpoint. `aws-lc-sys` has the C structure with public fields, so that all that is
//! unsafe here is calling the two update functions.
#![expect(unsafe_code, reason = "the update functions of AWS-LC are C")]

use aws_lc_sys::{SHA256_CTX, SHA256_Update, SHA512_CTX, SHA512_Update};
use bytes::Bytes;
use registry_core::digest::{Algorithm, HashParts, HashState};

/// The state after these buffers.
pub(super) fn update(state: &HashState, buffers: &[Bytes]) -> HashState {
    let parts = state.parts();
    let parts = match parts.algorithm {
        Algorithm::Sha512 => update_sha512(&parts, buffers),
        _ => update_sha256(&parts, buffers),
    };
    HashState::from_parts(&parts).expect("AWS-LC keeps a state whose parts fit each other")
}

fn update_sha256(parts: &HashParts, buffers: &[Bytes]) -> HashParts {
    let [low, high] = halves(u128::from(parts.length) * 8, 32);
    let mut context = SHA256_CTX {
        h: parts.words.map(truncated),
        Nl: truncated(low),
        Nh: truncated(high),
        data: padded(&parts.tail),
        num: parts.tail.len().try_into().expect("a tail is shorter than a block"),
        md_len: 32,
    };
    for buffer in buffers {
        // SAFETY: the context is initialised, and its `num` is less than the size of `data`, as
        // the function demands; pointer and length are those of one live slice.
        unsafe { SHA256_Update(&raw mut context, buffer.as_ptr().cast(), buffer.len()) };
    }
    let words = context.h.map(u64::from);
    after(parts, words, &context.data, buffers)
}

fn update_sha512(parts: &HashParts, buffers: &[Bytes]) -> HashParts {
    let [low, high] = halves(u128::from(parts.length) * 8, 64);
    let mut context = SHA512_CTX {
        h: parts.words,
        Nl: low,
        Nh: high,
        p: padded(&parts.tail),
        num: parts.tail.len().try_into().expect("a tail is shorter than a block"),
        md_len: 64,
    };
    for buffer in buffers {
        // SAFETY: as above, with `p` for `data`.
        unsafe { SHA512_Update(&raw mut context, buffer.as_ptr().cast(), buffer.len()) };
    }
    after(parts, context.h, &context.p, buffers)
}

fn after(before: &HashParts, words: [u64; 8], block: &[u8], buffers: &[Bytes]) -> HashParts {
    let more: u64 = buffers.iter().map(|buffer| buffer.len() as u64).sum();
    let length = before.length + more;
    let tail = usize::try_from(length % block.len() as u64).expect("less than a block");
    HashParts { algorithm: before.algorithm, words, length, tail: block[..tail].to_vec() }
}

/// The low and the high word of a number of bits, for words of this many bits.
fn halves(bits: u128, word: u32) -> [u64; 2] {
    let mask = (1 << word) - 1;
    [bits & mask, bits >> word & mask].map(|half| half as u64)
}

#[expect(clippy::cast_possible_truncation, reason = "the caller passes what fits 32 bits")]
const fn truncated(word: u64) -> u32 {
    word as u32
}

fn padded<const N: usize>(tail: &[u8]) -> [u8; N] {
    let mut block = [0; N];
    block[..tail.len()].copy_from_slice(tail);
    block
}
