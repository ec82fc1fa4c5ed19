//! Keys and refresh tokens as text: a prefix that says which kind it is, random characters, and a
//! checksum that tells a typing error from a key that is not known.

use std::{fmt, iter, str::FromStr};

use registry_core::{
    credentials::Secret,
    ports::{AuthenticationError, Random},
    record::Nonce,
    serde_as_text,
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::key_id::KeyId;
use crate::passwords::RESERVED_PREFIX;

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use registry_core::testing::Seeded;

    use super::*;

    #[test]
    fn a_secret_is_of_its_kind_and_no_two_are_the_same() {
        let random = Seeded::default();
        let login = Nonce::new(&random);
        let token = refresh_token(login, &random);
        assert_eq!(SecretKind::of(&token), Ok(SecretKind::RefreshToken));
        assert_eq!(login_of(&token), Some(login));
        for kind in [SecretKind::UserKey, SecretKind::ProjectKey, SecretKind::RunnerToken] {
            let [one, two] = [kind.key(&random), kind.key(&random)];
            assert_eq!(SecretKind::of(&one), Ok(kind));
            assert_ne!(one.expose(), two.expose());
            assert!(SecretHash::of(&one).is(&SecretHash::of(&one)));
            assert!(!SecretHash::of(&one).is(&SecretHash::of(&two)));
        }
    }

    #[test]
    fn the_format_stays_as_it_is() {
        let key = Secret::new("ocir_user_0123456789ABCDEFGHIJKLMNOPQRST");
        let text = format!("{}{}", key.expose(), checksum(key.expose()));
        assert_eq!(text, "ocir_user_0123456789ABCDEFGHIJKLMNOPQRST0vFfdx");
        assert_eq!(SecretHash::of(&Secret::new(text)).id().to_string(), "41c0bb938ea8720d");
    }

    #[test]
    fn every_character_is_as_likely_as_the_others() {
        let mut counts = [0_u32; 128];
        for character in characters(&Seeded::default()).take(62_000) {
            counts[character as usize] += 1;
        }
        let counts: Vec<_> = BASE62.iter().map(|byte| counts[usize::from(*byte)]).collect();
        assert_eq!(counts.iter().sum::<u32>(), 62_000);
        // Six standard deviations of 31 around 1000. Without leaving bytes out, eight of them would
        // be at 1211.
        assert!(counts.iter().all(|count| (810..1190).contains(count)), "{counts:?}");
    }

    #[test]
    fn every_typing_error_of_one_character_is_seen() {
        let random = Seeded::default();
        for secret in [
            SecretKind::UserKey.key(&random),
            SecretKind::ProjectKey.key(&random),
            SecretKind::RunnerToken.key(&random),
            refresh_token(Nonce::new(&random), &random),
        ] {
            let text = secret.expose();
            // One in the reserved prefix makes it a password.
            for at in RESERVED_PREFIX.len()..text.len() {
                for byte in (b' '..=b'~').filter(|byte| *byte != text.as_bytes()[at]) {
                    let (start, end) = (&text[..at], &text[at + 1..]);
                    let typo = Secret::new(format!("{start}{}{end}", char::from(byte)));
                    assert!(SecretKind::of(&typo).is_err(), "{}", typo.expose());
                }
                let missing = Secret::new(format!("{}{}", &text[..at], &text[at + 1..]));
                assert!(SecretKind::of(&missing).is_err());
            }
        }
    }

    proptest! {
        #[test]
        fn neighbours_that_changed_places_are_seen(seed: u64, at in 10_usize..45) {
            let key = SecretKind::UserKey.key(&Seeded::new(seed));
            let mut bytes = key.expose().as_bytes().to_vec();
            prop_assume!(bytes[at] != bytes[at + 1]);
            bytes.swap(at, at + 1);
            let swapped = Secret::new(String::from_utf8(bytes).expect("ascii"));
            // Where the checksum begins, one of 62⁶ may fit all the same.
            prop_assume!(at != 39);
            prop_assert_eq!(SecretKind::of(&swapped), Err(Malformed::Checksum));
        }

        #[test]
        fn whatever_is_presented_is_read_without_a_panic(text in "(ocir_)?(user|project|runner|refresh)?_?.{0,80}") {
            let secret = Secret::new(text.clone());
            prop_assert_eq!(is_reserved(&secret), text.starts_with(RESERVED_PREFIX));
            prop_assert!(SecretKind::of(&secret).is_err(), "nobody guesses a checksum");
        }
    }
}
