//! A hash in progress that can be saved and loaded.

use std::{fmt, str::FromStr};

use sha2::{
    Digest as _, Sha256, Sha512,
    digest::common::hazmat::{SerializableState, SerializedState},
};

use super::{Algorithm, Digest, Value};

/// The state of a hash after some bytes, independent of the implementation that consumed them.
///
/// It is kept in an upload's record, so that an upload goes on after a restart without reading
/// its first bytes again. The saved form ([`fmt::Display`], [`FromStr`]) is
/// `algorithm:length:words:tail`: the number of bytes so far in decimal, the eight chaining words
/// big-endian in hex, and the bytes since the last whole block in hex.
#[derive(Clone, Debug)]
pub struct HashState(State);

#[derive(Clone, Debug)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

/// A hash state taken apart, for implementations other than [`sha2`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "FIPS 180-4 has these parts and no other")]
pub struct HashParts {
    /// Which hash.
    pub algorithm: Algorithm,
    /// The eight chaining words; those of SHA-256 fit in 32 bits each.
    pub words: [u64; 8],
    /// How many bytes went in.
    pub length: u64,
    /// The last `length % block size` bytes, which wait for a whole block.
    pub tail: Vec<u8>,
}

/// The text or the parts are not a saved hash state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a saved hash state")]
pub struct HashStateError;

impl HashState {
    /// The state before the first byte.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// Puts a state together again; its inverse is [`HashState::parts`].
    ///
    /// # Errors
    /// When the tail's length does not follow from the length, or a word does not fit.
    pub fn from_parts(parts: &HashParts) -> Result<Self, HashStateError> {
        let block = parts.algorithm.block_size();
        if parts.tail.len() as u64 != parts.length % block as u64 {
            return Err(HashStateError);
        }
        let blocks = parts.length / block as u64;
        Ok(Self(match parts.algorithm {
            Algorithm::Sha256 => {
                let mut out = Vec::with_capacity(104);
                for word in parts.words {
                    let word = u32::try_from(word).map_err(|_| HashStateError)?;
                    out.extend_from_slice(&word.to_le_bytes());
                }
                out.extend_from_slice(&blocks.to_le_bytes());
                State::Sha256(deserialize(out, &parts.tail, block)?)
            }
            Algorithm::Sha512 => {
                let mut out: Vec<u8> = parts.words.iter().flat_map(|w| w.to_le_bytes()).collect();
                out.extend_from_slice(&u128::from(blocks).to_le_bytes());
                State::Sha512(deserialize(out, &parts.tail, block)?)
            }
        }))
    }

    /// Takes in more bytes, on the caller's thread.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(hash) => hash.update(bytes),
            State::Sha512(hash) => hash.update(bytes),
        }
    }

    /// The digest of everything that went in.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(match self.0 {
            State::Sha256(hash) => Value::Sha256(hash.finalize().into()),
            State::Sha512(hash) => Value::Sha512(hash.finalize().into()),
        })
    }

    /// Which hash this is.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Takes the state apart.
    #[must_use]
    pub fn parts(&self) -> HashParts {
        match &self.0 {
            State::Sha256(hash) => take_apart::<4>(Algorithm::Sha256, &hash.serialize()),
            State::Sha512(hash) => take_apart::<8>(Algorithm::Sha512, &hash.serialize()),
        }
    }
}

impl Algorithm {
    /// The block size of its compression function in bytes.
    #[must_use]
    pub const fn block_size(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// `sha2` saves a state as: the words little-endian, the number of blocks (in twice a word's
/// size), one byte with the tail's length, the tail padded to a block less one byte.
fn deserialize<T: SerializableState>(
    mut out: Vec<u8>,
    tail: &[u8],
    block: usize,
) -> Result<T, HashStateError> {
    out.push(u8::try_from(tail.len()).map_err(|_| HashStateError)?);
    out.extend_from_slice(tail);
    out.resize(out.len() + block - 1 - tail.len(), 0);
    let state = SerializedState::<T>::try_from(out.as_slice()).map_err(|_| HashStateError)?;
    T::deserialize(&state).map_err(|_| HashStateError)
}

/// The inverse of [`deserialize`], for words of `W` bytes.
fn take_apart<const W: usize>(algorithm: Algorithm, saved: &[u8]) -> HashParts {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
    let (words, rest) = saved.split_at(8 * W);
    // A count of blocks beyond 64 bits would need more bytes than `length` can count.
    let (blocks, rest) = rest.split_at(2 * W);
    let tail = rest[1..][..usize::from(rest[0])].to_vec();
    let length = number(&blocks[..8]) * algorithm.block_size() as u64 + tail.len() as u64;
    HashParts {
        algorithm,
        words: std::array::from_fn(|i| number(&words[i * W..][..W])),
        length,
        tail,
    }
}

impl fmt::Display for HashState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts();
        let digits = parts.algorithm.block_size() / 8;
        write!(f, "{}:{}:", parts.algorithm, parts.length)?;
        for word in parts.words {
            write!(f, "{word:0digits$x}")?;
        }
        write!(f, ":{}", hex::encode(parts.tail))
    }
}

impl FromStr for HashState {
    type Err = HashStateError;

    fn from_str(text: &str) -> Result<Self, HashStateError> {
        let fields: Vec<&str> = text.split(':').collect();
        let [algorithm, length, words, tail] = fields[..] else { return Err(HashStateError) };
        let algorithm: Algorithm = algorithm.parse().map_err(|_| HashStateError)?;
        let digits = algorithm.block_size() / 8;
        if words.len() != 8 * digits || !words.is_ascii() {
            return Err(HashStateError);
        }
        let mut parsed = [0; 8];
        for (word, at) in parsed.iter_mut().zip((0..).step_by(digits)) {
            *word = u64::from_str_radix(&words[at..at + digits], 16).map_err(|_| HashStateError)?;
        }
        Self::from_parts(&HashParts {
            algorithm,
            words: parsed,
            length: length.parse().map_err(|_| HashStateError)?,
            tail: hex::decode(tail).map_err(|_| HashStateError)?,
        })
    }
}

crate::text::serde_as_text!(HashState);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_state_saved_anywhere_goes_on_as_if_never_saved(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
            cut in any::<proptest::sample::Index>(),
        ) {
            let cut = cut.index(bytes.len() + 1);
            for algorithm in Algorithm::ALL {
                let mut state = HashState::new(algorithm);
                state.update(&bytes[..cut]);
                let mut state: HashState = state.to_string().parse().unwrap();
                prop_assert_eq!(state.parts().length, cut as u64);
                state.update(&bytes[cut..]);
                prop_assert_eq!(state.finish(), algorithm.digest(&bytes));
            }
        }

        #[test]
        fn what_is_no_saved_state_is_refused_without_a_panic(text in "(sha256:)?[0-9a-f:]{0,160}") {
            if let Ok(state) = text.parse::<HashState>() {
                prop_assert_eq!(state.to_string().parse::<HashState>().unwrap().parts(), state.parts());
            }
        }
    }

    #[test]
    fn a_tail_that_does_not_follow_from_the_length_is_refused() {
        let mut parts = HashState::new(Algorithm::Sha256).parts();
        parts.tail = vec![0];
        assert_eq!(HashState::from_parts(&parts).unwrap_err(), HashStateError);
        parts.tail.clear();
        parts.words[0] = u64::MAX;
        assert_eq!(HashState::from_parts(&parts).unwrap_err(), HashStateError);
    }
}
