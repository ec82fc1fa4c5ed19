//! The nonce of a record.

use std::{fmt, str::FromStr};

use crate::ports::{Random, fresh};

/// 128 fresh random bits in every record that is written.
///
/// Without it a record that returns to an old value would have its old version again, and a
/// compare-and-swap made long before would succeed (invariant I4). Also used as the identity of
/// one life of a manifest (its incarnation).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce([u8; 16]);

/// The text is not a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a nonce is 32 hex digits")]
pub struct NonceError;

impl Nonce {
    /// A fresh one.
    pub fn new(random: &dyn Random) -> Self {
        Self(fresh(random))
    }
}

impl FromStr for Nonce {
    type Err = NonceError;

    fn from_str(text: &str) -> Result<Self, NonceError> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NonceError)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

crate::text::serde_as_text!(Nonce);
