//! What those share who compare passwords with slow hashes: turns at computing them, and what is
//! remembered of the tries so far.

mod failures;
mod fingerprint;
mod guard;
mod line;
mod saved;
mod tries;
mod turns;

pub(crate) use self::guard::Guard;
#[cfg(feature = "accounts")]
pub(crate) use self::{line::Standing, turns::Scratch};
pub use self::{saved::SavedTries, tries::Tries, turns::Turns};

/// What every key and refresh token starts with, and no password.
pub const RESERVED_PREFIX: &str = "ocir_";
