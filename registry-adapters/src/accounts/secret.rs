//! Keys and refresh tokens as text: a prefix that says which kind it is, random characters, and a
//! checksum that tells a typing error from a key that is not known.

use std::{fmt, iter, str::FromStr};

use registry_core::{
    credentials::Secret,
    ports::{AuthenticationError, Random},
    record::Nonce,
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{key::KeyId, records::serde_as_text};

/// What every key and refresh token starts with, and no password.
pub const RESERVED_PREFIX: &str = "ocir_";

/// How many random characters there are: 178 bits.
const RANDOM: usize = 30;
/// How many hex digits of a login are before them in a refresh token.
const LOGIN: usize = 32;
/// How many characters the checksum has: 62⁶ is more than 2³².
const CHECKSUM: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What kind of secret it is, which its prefix alone decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "each has a prefix of its own")]
pub enum SecretKind {
    /// A user's key.
    UserKey,
    /// A project's key.
    ProjectKey,
    /// A token to pull one repository.
    RunnerToken,
    /// A refresh token, which is taken in no password's place.
    RefreshToken,
}

/// The text starts with the reserved prefix, and is no secret of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("it starts as keys do, and is of no known kind")]
    Kind,
    #[error("a key of this kind has another length or other characters")]
    Form,
    #[error("the key's checksum is wrong, as when it was not copied right")]
    Checksum,
}

/// The SHA-256 of a secret.
#[derive(Clone, Copy)]
pub(super) struct SecretHash([u8; 32]);

impl SecretKind {
    /// Every kind there is.
    pub const ALL: [Self; 4] =
        [Self::UserKey, Self::ProjectKey, Self::RunnerToken, Self::RefreshToken];

    /// What its secrets start with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::UserKey => "ocir_user_",
            Self::ProjectKey => "ocir_project_",
            Self::RunnerToken => "ocir_runner_",
            Self::RefreshToken => "ocir_refresh_",
        }
    }

    /// How many characters are between the prefix and the checksum.
    const fn body(self) -> usize {
        match self {
            Self::RefreshToken => LOGIN + RANDOM,
            _ => RANDOM,
        }
    }

    /// The kind of a secret whose form and checksum are right.
    pub(super) fn of(secret: &Secret) -> Result<Self, Malformed> {
        let text = secret.expose();
        let kind = Self::ALL.into_iter().find(|kind| text.starts_with(kind.prefix()));
        let kind = kind.ok_or(Malformed::Kind)?;
        let rest = &text[kind.prefix().len()..];
        let is_base62 = rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if rest.len() != kind.body() + CHECKSUM || !is_base62 {
            return Err(Malformed::Form);
        }
        let (start, end) = text.split_at(text.len() - CHECKSUM);
        if checksum(start) == end { Ok(kind) } else { Err(Malformed::Checksum) }
    }

    /// A new secret of this kind, which has `body` before its random characters.
    fn generate(self, body: &str, random: &dyn Random) -> Secret {
        let mut text = format!("{}{body}", self.prefix());
        text.extend(characters(random).take(RANDOM));
        text += &checksum(&text);
        Secret::new(text)
    }

    /// A new key of this kind.
    pub(super) fn key(self, random: &dyn Random) -> Secret {
        self.generate("", random)
    }
}

/// Whether a secret is none but a key or a refresh token, or nothing at all.
pub(super) fn is_reserved(secret: &Secret) -> bool {
    secret.expose().starts_with(RESERVED_PREFIX)
}

/// A new refresh token of a login.
pub(super) fn refresh_token(login: Nonce, random: &dyn Random) -> Secret {
    SecretKind::RefreshToken.generate(&login.to_string(), random)
}

/// The login of a refresh token whose form is right.
pub(super) fn login_of(token: &Secret) -> Option<Nonce> {
    token.expose().strip_prefix(SecretKind::RefreshToken.prefix())?.get(..LOGIN)?.parse().ok()
}

/// Characters of base 62, each as likely as the others: bytes that would favour some are left out.
fn characters(random: &dyn Random) -> impl Iterator<Item = char> {
    const FAIR: u8 = (256 / 62 * 62) as u8;
    let bytes = iter::repeat_with(|| {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        bytes
    });
    bytes.flatten().filter(|byte| *byte < FAIR).map(|byte| BASE62[usize::from(byte % 62)].into())
}

/// CRC-32, which no change of up to 32 bits in a row leaves the same: none of one character, and
/// none of two neighbours that changed places.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes()) as usize;
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[rest % 62];
        rest /= 62;
    }
    digits.map(char::from).into_iter().collect()
}

impl From<Malformed> for AuthenticationError {
    fn from(malformed: Malformed) -> Self {
        Self::refused(malformed.to_string())
    }
}

impl SecretHash {
    pub(super) fn of(secret: &Secret) -> Self {
        Self(Sha256::digest(secret.expose()).into())
    }

    /// Whether it is the same, in a time that does not tell how far.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// The id of a key with this hash.
    pub(super) fn id(&self) -> KeyId {
        let mut id = [0; 8];
        id.copy_from_slice(&self.0[..8]);
        KeyId::new(id)
    }
}

impl FromStr for SecretHash {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

serde_as_text!(SecretHash);
