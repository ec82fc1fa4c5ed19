use std::{
    convert::Infallible,
    hash::{BuildHasher, Hasher, RandomState},
    ops::Range,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use sha2::{Digest, Sha256};

/// The bytes at the end of every content that tell it from all others.
const STAMP: u64 = 16;

/// Contents repeat one block of this size, which is also one frame of a request body: small enough
/// to stay in a core's cache, where sending it again costs a third less than from memory, and large
/// enough that the frame's bookkeeping does not show.
const BLOCK: u64 = 256 << 10;

/// Makes contents of one size that differ only at the end, so that each costs the hash of its last
/// block and not of the whole.
#[derive(Clone, Debug)]
pub(crate) struct ContentSource {
    block: Bytes,
    size: u64,
    prefix: Sha256,
    run: u64,
    next: Arc<AtomicU64>,
}

impl ContentSource {
    /// The least size of a content, in bytes.
    pub(crate) const MIN_SIZE: u64 = STAMP;

    /// Hashes what all contents of `size` bytes have in common; sizes below [`Self::MIN_SIZE`] are
    /// raised to it.
    pub(crate) fn new(size: u64) -> Self {
        let size = size.max(Self::MIN_SIZE);
        let block = noise(BLOCK.min(size) as usize);
        let mut prefix = Sha256::new();
        let mut rest = size - STAMP;
        while rest > 0 {
            let step = rest.min(block.len() as u64);
            prefix.update(&block[..step as usize]);
            rest -= step;
        }
        #[expect(clippy::disallowed_methods, reason = "no registry may know a run's contents yet")]
        let run = RandomState::new().build_hasher().finish();
        Self { block, size, prefix, run, next: Arc::default() }
    }

    /// The size of each content, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// A content that no registry has seen.
    pub(crate) fn fresh(&self) -> Content {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        self.stamped(u128::from(self.run) << 64 | u128::from(count))
    }

    /// The content of this size that is the same in every run, for what is pushed once and then read.
    pub(crate) fn fixed(&self) -> Content {
        self.stamped(0)
    }

    fn stamped(&self, stamp: u128) -> Content {
        let stamp = stamp.to_be_bytes();
        let digest = self.prefix.clone().chain_update(stamp).finalize();
        Content {
            block: self.block.clone(),
            stamp: Bytes::copy_from_slice(&stamp),
            size: self.size,
            digest: format!("sha256:{}", hex::encode(digest)),
        }
    }
}

/// Bytes to push, and their digest, known beforehand.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    block: Bytes,
    stamp: Bytes,
    size: u64,
    digest: String,
}

impl Content {
    /// The sha256 digest, as the registry writes it.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// The number of bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The whole content as a request body.
    pub(crate) fn whole(&self) -> Payload {
        self.part(0..self.size)
    }

    /// A part of the content as a request body. The range lies within the content.
    pub(crate) fn part(&self, range: Range<u64>) -> Payload {
        debug_assert!(range.start <= range.end && range.end <= self.size);
        Payload::Part(self.clone(), range)
    }

    /// The beginning of `rest` up to the end of its block; empty only if `rest` is.
    fn slice(&self, rest: &Range<u64>) -> Bytes {
        let stamp_at = self.size - STAMP;
        if rest.start >= stamp_at {
            return self
                .stamp
                .slice((rest.start - stamp_at) as usize..(rest.end - stamp_at) as usize);
        }
        let block = self.block.len() as u64;
        let start = rest.start % block;
        let length = (rest.end.min(stamp_at) - rest.start).min(block - start);
        self.block.slice(start as usize..(start + length) as usize)
    }
}

/// A request body that is in memory before the request begins. Its length is always known.
#[derive(Debug)]
pub(crate) enum Payload {
    /// These bytes; empty for no body.
    Bytes(Bytes),
    /// What is left of a part of a content.
    Part(Content, Range<u64>),
}

impl Payload {
    /// No body.
    pub(crate) const EMPTY: Self = Self::Bytes(Bytes::new());

    /// All that is left, without copying it.
    pub(crate) fn slices(mut self) -> impl Iterator<Item = Bytes> {
        std::iter::from_fn(move || self.next())
    }

    fn next(&mut self) -> Option<Bytes> {
        let bytes = match self {
            Self::Bytes(bytes) => std::mem::take(bytes),
            Self::Part(content, rest) => {
                let bytes = content.slice(rest);
                rest.start += bytes.len() as u64;
                bytes
            }
        };
        (!bytes.is_empty()).then_some(bytes)
    }

    fn left(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Part(_, rest) => rest.end - rest.start,
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}

/// Bytes that do not compress, the same in every run (xorshift64*).
fn noise(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(payload: Payload) -> Vec<u8> {
        payload.slices().flatten().collect()
    }

    #[test]
    fn a_digest_is_that_of_the_bytes_sent() {
        for size in [16, 17, 4096, BLOCK, BLOCK + 16, 2 * BLOCK + 17] {
            let content = ContentSource::new(size).fresh();
            let sent = bytes_of(content.whole());
            assert_eq!(sent.len() as u64, size);
            assert_eq!(content.digest(), format!("sha256:{}", hex::encode(Sha256::digest(&sent))));
        }
    }

    #[test]
    fn parts_join_to_the_whole_wherever_they_are_cut() {
        let size = 2 * BLOCK + 100;
        let content = ContentSource::new(size).fresh();
        let whole = bytes_of(content.whole());
        for cut in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, size - 16, size - 8, size] {
            let mut joined = bytes_of(content.part(0..cut));
            joined.extend(bytes_of(content.part(cut..size)));
            assert!(joined == whole, "cut at {cut}");
        }
    }

    #[test]
    fn fresh_contents_differ_and_fixed_ones_do_not() {
        let source = ContentSource::new(64);
        assert_ne!(source.fresh().digest(), source.fresh().digest());
        assert_ne!(source.fresh().digest(), ContentSource::new(64).fresh().digest());
        assert_eq!(source.fixed().digest(), ContentSource::new(64).fixed().digest());
    }

    #[test]
    fn a_payload_announces_exactly_what_it_sends() {
        let content = ContentSource::new(3 * BLOCK).fresh();
        let mut payload = content.part(10..2 * BLOCK);
        let mut left = payload.size_hint().exact().expect("a known length");
        while let Some(bytes) = payload.next() {
            left -= bytes.len() as u64;
            assert_eq!(payload.size_hint().exact(), Some(left));
        }
        assert_eq!(left, 0);
        assert!(payload.is_end_stream());
        assert!(Payload::EMPTY.is_end_stream());
    }
}
