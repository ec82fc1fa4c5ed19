//! Secrets on their way between a command and the server.

use std::fmt;

use registry_core::{credentials::Secret, ports::Random};
use serde::{Deserialize, Serialize};

/// A secret that goes over the control socket, and is shown nowhere else.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Hidden(String);

impl Hidden {
    /// A password with more than 140 random bits, of letters and digits.
    pub(crate) fn generate(random: &impl Random) -> Self {
        const LENGTH: usize = 24;
        const LETTERS: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut text = String::with_capacity(LENGTH);
        while text.len() < LENGTH {
            let mut bytes = [0; 32];
            random.fill(&mut bytes);
            // The others would favour the first letters.
            let fair = bytes.iter().filter(|byte| usize::from(**byte) < 256 / 62 * 62);
            let letters = fair.map(|byte| char::from(LETTERS[usize::from(*byte) % 62]));
            text.extend(letters.take(LENGTH - text.len()));
        }
        Self(text)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn to_secret(&self) -> Secret {
        Secret::new(self.0.as_str())
    }
}

impl From<&Secret> for Hidden {
    fn from(secret: &Secret) -> Self {
        Self(secret.expose().to_owned())
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use registry_adapters::system::SystemRandom;

    use super::*;

    #[test]
    fn a_generated_password_is_long_and_never_the_same_and_not_shown() {
        let [first, second] = [(); 2].map(|()| Hidden::generate(&SystemRandom));
        assert_ne!(first.expose(), second.expose());
        assert_eq!(first.expose().len(), 24);
        assert!(first.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(!format!("{first:?} {first:#?}").contains(first.expose()));
    }
}
