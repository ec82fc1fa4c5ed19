//! Content digests (image-spec, `descriptor.md`, "Digests").

mod state;

use std::{fmt, str::FromStr};

pub use state::{HashParts, HashState, HashStateError};

/// A registered digest algorithm that this registry verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// SHA-256, which every registry must support.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// A digest that can be verified: algorithm and value, printed `algorithm:lower-case-hex`.
///
/// There is no way to make one whose value does not fit its algorithm:
///
/// ```compile_fail,E0423
/// use registry_core::digest::Digest;
/// let short = Digest("sha256:../x".into());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(Value);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Value {
    Sha256([u8; 32]),
    Sha512([u8; 64]),
}

/// Why a text is not a [`Digest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// The algorithm is none that this registry verifies.
    #[error("the digest algorithm is not supported: use sha256 or sha512")]
    Algorithm,
    /// The value is no lower-case hex, or too short or long for the algorithm.
    #[error("a digest is 'sha256:' and 64, or 'sha512:' and 128, lower-case hex digits")]
    Encoded,
}

impl Algorithm {
    /// Every algorithm, in the order of their names.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The digest of bytes that are at hand.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Digest {
        use sha2::Digest as _;
        Digest(match self {
            Self::Sha256 => Value::Sha256(sha2::Sha256::digest(bytes).into()),
            Self::Sha512 => Value::Sha512(sha2::Sha512::digest(bytes).into()),
        })
    }
}

impl Digest {
    /// Which algorithm made it.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Value::Sha256(_) => Algorithm::Sha256,
            Value::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// The value in lower-case hex, without the algorithm.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.value())
    }

    fn value(&self) -> &[u8] {
        match &self.0 {
            Value::Sha256(value) => value,
            Value::Sha512(value) => value,
        }
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        Self::ALL.into_iter().find(|a| a.as_str() == text).ok_or(DigestError::Algorithm)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, encoded) = text.split_once(':').ok_or(DigestError::Encoded)?;
        let algorithm = algorithm.parse()?;
        // `descriptor.md`: the encoded portion MUST match [a-f0-9]; the hex crate also takes A-F.
        if encoded.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(DigestError::Encoded);
        }
        let value = match algorithm {
            Algorithm::Sha256 => Value::Sha256(decode(encoded)?),
            Algorithm::Sha512 => Value::Sha512(decode(encoded)?),
        };
        Ok(Self(value))
    }
}

fn decode<const N: usize>(encoded: &str) -> Result<[u8; N], DigestError> {
    let mut value = [0; N];
    hex::decode_to_slice(encoded, &mut value).map_err(|_| DigestError::Encoded)?;
    Ok(value)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hex = [0; 128];
        let hex = &mut hex[..self.value().len() * 2];
        hex::encode_to_slice(self.value(), hex).map_err(|_| fmt::Error)?;
        f.write_str(self.algorithm().as_str())?;
        f.write_str(":")?;
        f.write_str(std::str::from_utf8(hex).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

crate::text::serde_as_text!(Digest);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn odd_digests_are_refused() {
        let hex = "0".repeat(64);
        for bad in [
            String::new(),
            "sha256".into(),
            "sha256:".into(),
            "sha256:baddigeststring".into(),
            format!("sha256:{}", "A".repeat(64)),
            format!("sha256:{}", "g".repeat(64)),
            format!("sha256:{hex}0"),
            format!("sha256:{}", &hex[1..]),
            format!("SHA256:{hex}"),
            format!("sha512:{hex}"),
            format!("md5:{hex}"),
            format!("sha256::{hex}"),
            format!(" sha256:{hex}"),
            format!("sha256:{hex} "),
            format!("sha256:{hex}\n"),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn known_answers() {
        assert_eq!(
            Algorithm::Sha256.digest(b"{}").to_string(),
            "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
        assert!(Algorithm::Sha512.digest(b"").to_string().starts_with("sha512:cf83e1357eefb8bd"));
    }

    proptest! {
        #[test]
        fn what_parses_prints_back_and_has_the_length_of_its_algorithm(
            text in "(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}|[a-z0-9]{1,8}:[a-fA-F0-9]{60,70})"
        ) {
            if let Ok(digest) = text.parse::<Digest>() {
                prop_assert_eq!(digest.to_string(), text);
                let length = match digest.algorithm() { Algorithm::Sha256 => 64, Algorithm::Sha512 => 128 };
                prop_assert_eq!(digest.hex().len(), length);
            }
        }
    }
}
