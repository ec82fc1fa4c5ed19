//! Passwords: which a user may have, and their hashes by argon2id.

use std::{fmt, ops::RangeInclusive};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use registry_core::{credentials::Secret, ports::Random};

use crate::passwords::{RESERVED_PREFIX, Scratch};

/// How long a password is, in bytes.
pub(super) const LENGTH: RangeInclusive<usize> = 8..=1024;

/// The password is none that a user may have. What it is is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// It is too short or too long.
    #[error("a password has from {} to {} bytes", LENGTH.start(), LENGTH.end())]
    Length,
    /// It has control characters, which not every client sends as they are.
    #[error("a password has no control characters")]
    Control,
    /// It starts as keys do, and would be tried as one.
    #[error("a password does not start with {RESERVED_PREFIX}, as keys do")]
    Reserved,
}

/// What the hash of a password costs: memory and passes over it, in one lane.
///
/// The default is 19 MiB and two passes, as OWASP's "Password Storage Cheat Sheet" has it: some
/// twenty milliseconds of a core.
#[derive(Clone)]
pub struct PasswordCost(Params);

impl PasswordCost {
    /// So many KiB of memory, and so many passes; nothing where argon2 has no such hash, or it takes
    /// more than 4 GiB or 100 passes.
    #[must_use]
    pub fn new(kib: u32, passes: u32) -> Option<Self> {
        let fits = kib <= 4 << 20 && passes <= 100;
        Params::new(kib, passes, 1, None).ok().filter(|_| fits).map(Self)
    }

    /// The hash of a password, as a PHC string.
    pub(super) fn hash(
        &self,
        password: &Secret,
        random: &dyn Random,
        scratch: &mut Scratch,
    ) -> Option<String> {
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        let hash = PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: ParamsString::try_from(&self.0).ok()?,
            salt: Some(Salt::new(&salt).ok()?),
            hash: None,
        };
        let output = compute(&hash, password.expose().as_bytes(), scratch)?;
        Some(PasswordHash { hash: Some(output), ..hash }.to_string())
    }

    /// A hash of this cost that no known password has, to compare with where there is no user.
    pub(super) fn nobody(&self) -> String {
        let (m, t) = (self.0.m_cost(), self.0.t_cost());
        // Base64 of zeros: 16 bytes of salt, 32 of hash.
        let (salt, hash) = ("A".repeat(22), "A".repeat(43));
        format!("$argon2id$v=19$m={m},t={t},p=1${salt}${hash}")
    }
}

impl Default for PasswordCost {
    fn default() -> Self {
        Self(Params::DEFAULT)
    }
}

impl fmt::Debug for PasswordCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("PasswordCost");
        shown.field("kib", &self.0.m_cost()).field("passes", &self.0.t_cost()).finish()
    }
}

/// Whether a user may have this password.
pub(super) fn check(password: &Secret) -> Result<(), PasswordError> {
    let text = password.expose();
    if !LENGTH.contains(&text.len()) {
        Err(PasswordError::Length)
    } else if text.chars().any(char::is_control) {
        Err(PasswordError::Control)
    } else if text.starts_with(RESERVED_PREFIX) {
        Err(PasswordError::Reserved)
    } else {
        Ok(())
    }
}

/// Compares a password with a hash, which takes the time that the hash costs. What argon2 makes of
/// the password is compared in constant time.
pub(super) fn compare(
    password: &Secret,
    hash: &str,
    scratch: &mut Scratch,
) -> Result<(), &'static str> {
    let password = password.expose().as_bytes();
    if password.len() > *LENGTH.end() {
        return Err("the password is longer than any");
    }
    let hash = PasswordHash::new(hash).map_err(|_| "the stored hash is none of argon2")?;
    let computed = compute(&hash, password, scratch).ok_or("the hash could not be computed")?;
    if hash.hash == Some(computed) { Ok(()) } else { Err("the password is wrong") }
}

/// What argon2 makes of a password with the parameters and the salt of a hash; nothing where it has
/// none such, or there is not so much memory.
fn compute(
    hash: &PasswordHash,
    password: &[u8],
    Scratch { blocks }: &mut Scratch,
) -> Option<Output> {
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let params = Params::try_from(hash).ok()?;
    let missing = params.block_count().saturating_sub(blocks.len());
    blocks.try_reserve_exact(missing).ok()?;
    blocks.resize(blocks.len() + missing, Block::new());
    let mut output = [0; Output::MAX_LENGTH];
    let output = output.get_mut(..params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN))?;
    let (salt, argon2) = (hash.salt.as_ref()?, Argon2::new(algorithm, version, params));
    argon2.hash_password_into_with_memory(password, salt, output, blocks).ok()?;
    Output::new(output).ok()
}

#[cfg(test)]
mod tests {
    use registry_core::testing::Seeded;

    use super::*;

    #[test]
    fn the_default_is_argon2id_with_what_owasp_says() {
        let (password, scratch) = (Secret::new("correct horse"), &mut Scratch::default());
        let hash =
            PasswordCost::default().hash(&password, &Seeded::default(), scratch).expect("a hash");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(compare(&password, &hash, scratch), Ok(()));
        assert_eq!(
            compare(&Secret::new("correct horsf"), &hash, scratch),
            Err("the password is wrong")
        );
    }

    #[test]
    fn nobodys_hash_costs_as_much_and_can_be_compared_with() {
        let cost = PasswordCost::new(64, 3).expect("a cost");
        let parts = |hash: &str| hash.split('$').map(str::len).collect::<Vec<_>>();
        let hash = cost
            .hash(&Secret::new("correct horse"), &Seeded::default(), &mut Scratch::default())
            .expect("a hash");
        assert_eq!(parts(&cost.nobody()), parts(&hash));
        assert!(hash.contains("$m=64,t=3,p=1$") && cost.nobody().contains("$m=64,t=3,p=1$"));
        let wrong = compare(&Secret::new("correct horse"), &cost.nobody(), &mut Scratch::default());
        assert_eq!(wrong, Err("the password is wrong"));
    }

    #[test]
    fn a_cost_is_one_that_argon2_has_and_a_machine_too() {
        for (kib, passes) in [(7, 1), (8, 0), (u32::MAX, 1), (8, 101)] {
            assert!(PasswordCost::new(kib, passes).is_none(), "{kib} {passes}");
        }
        assert!(PasswordCost::new(8, 1).is_some());
    }
}
