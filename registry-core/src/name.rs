//! Repository names (`<name>` of the distribution spec, "Pulling manifests").

use std::{fmt, str::FromStr, sync::Arc};

/// The name of a repository: lower-case path components separated by `/`.
///
/// Grammar (distribution-spec, "Pulling manifests"):
/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`,
/// and at most [`RepositoryName::MAX_LENGTH`] bytes.
///
/// It is made by parsing alone:
///
/// ```compile_fail,E0423
/// use registry_core::name::RepositoryName;
/// let outside = RepositoryName("../etc".into());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(Arc<str>);

/// The text is not a repository name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a repository name has lower-case letters and digits, joined by one '.', one or two '_', \
     any run of '-', or '/', and at most {} bytes",
    RepositoryName::MAX_LENGTH
)]
pub struct NameError;

impl RepositoryName {
    /// The longest name in bytes. Clients cap `host/name` at 255 bytes, and the spec advises
    /// registries to stay below; one byte less also leaves room for a store's suffix in a file
    /// name of 255 bytes.
    pub const MAX_LENGTH: usize = 254;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first component.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(first, _)| first)
    }

    /// Whether it is this name, or lies below it.
    #[must_use]
    pub fn is_in(&self, name: &str) -> bool {
        self.0.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let fits = text.len() <= Self::MAX_LENGTH && text.split('/').all(is_component);
        if fits { Ok(Self(text.into())) } else { Err(NameError) }
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

crate::text::serde_as_text!(RepositoryName);

impl fmt::Debug for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepositoryName({})", self.0)
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(component: &str) -> bool {
    let mut rest = component.as_bytes();
    loop {
        let word = rest.iter().take_while(|b| is_alphanumeric(**b)).count();
        if word == 0 {
            return false;
        }
        rest = &rest[word..];
        if rest.is_empty() {
            return true;
        }
        let separator = rest.iter().take_while(|b| !is_alphanumeric(**b)).count();
        if !is_separator(&rest[..separator]) {
            return false;
        }
        rest = &rest[separator..];
    }
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_separator(text: &[u8]) -> bool {
    matches!(text, b"." | b"_" | b"__") || text.iter().all(|b| *b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn odd_names_are_refused() {
        for bad in [
            "", "/", "a/", "/a", "a//b", "A", "a..b", "a___b", "a_-b", "-a", "a-", "_a", "a.", "ä",
            "a b", "a:b", "a\0", "../a", "a/../b", "a._b",
        ] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn words_of_the_api_are_ordinary_components() {
        for good in ["blobs/uploads", "a/tags/list", "manifests", "a__b", "a---b", "0", "a.b_c/d-e"]
        {
            assert_eq!(good.parse::<RepositoryName>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn the_longest_name_is_accepted_and_one_byte_more_is_not() {
        assert!("a".repeat(RepositoryName::MAX_LENGTH).parse::<RepositoryName>().is_ok());
        assert!("a".repeat(RepositoryName::MAX_LENGTH + 1).parse::<RepositoryName>().is_err());
    }

    proptest! {
        #[test]
        fn every_word_of_the_grammar_parses_and_prints_back(
            text in "[a-z0-9]{1,5}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,3}(/[a-z0-9]{1,5}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,3}){0,3}"
        ) {
            prop_assert_eq!(text.parse::<RepositoryName>().unwrap().to_string(), text);
        }

        #[test]
        fn whatever_parses_has_only_bytes_of_the_grammar(text in ".{0,40}") {
            if let Ok(name) = text.parse::<RepositoryName>() {
                prop_assert!(name.as_str().bytes().all(|b| is_alphanumeric(b) || b"._-/".contains(&b)));
            }
        }
    }
}
