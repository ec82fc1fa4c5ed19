//! What a client says to show who it is.

use std::fmt;

/// What a request carries, as its frontend read it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credentials {
    /// Nothing. Only this is anonymous: credentials that are wrong are refused.
    Absent,
    /// A user name and a password, or a key in its place.
    Basic {
        /// The user name, which may be empty.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A token.
    Bearer(Secret),
}

/// Text that is shown to nobody: not in logs, errors or `Debug`.
///
/// ```compile_fail,E0277
/// use registry_core::credentials::Secret;
/// println!("{}", Secret::new("wonderland"));
/// ```
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// Keeps the text from being shown.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text. Compare it in constant time, or compare hashes of it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_in_what_is_shown_of_credentials() {
        let password = Secret::new("hunter2");
        let basic = Credentials::Basic { username: "alice".to_owned(), password };
        for credentials in [basic, Credentials::Bearer(Secret::new("hunter2"))] {
            let shown = format!("{credentials:?} {credentials:#?}");
            assert!(shown.contains("[secret]") && !shown.contains("hunter2"), "{shown}");
        }
    }
}
