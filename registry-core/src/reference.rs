//! `<tag-or-digest>`: how a manifest is addressed.

use std::{fmt, str::FromStr};

use crate::{
    digest::{Digest, DigestError},
    tag::{Tag, TagError},
};

/// A tag or a digest, never anything else (distribution-spec, "Pulling manifests").
///
/// A text is neither:
///
/// ```compile_fail,E0308
/// use registry_core::reference::Reference;
/// let outside = Reference::Tag("../x");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the spec knows these two and no other")]
pub enum Reference {
    /// By tag.
    Tag(Tag),
    /// By digest.
    Digest(Digest),
}

/// The text is neither a tag nor a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// It has a `:`, so a digest was meant.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// It has none, so a tag was meant.
    #[error(transparent)]
    Tag(#[from] TagError),
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.contains(':') {
            Ok(Self::Digest(text.parse()?))
        } else {
            Ok(Self::Tag(text.parse()?))
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_tag_and_a_digest_parse_as_what_they_are_and_print_back(
            tag in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}",
            digest in "sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}",
        ) {
            let by_tag: Reference = tag.parse().unwrap();
            prop_assert!(matches!(by_tag, Reference::Tag(_)));
            prop_assert_eq!(by_tag.to_string(), tag);
            let by_digest: Reference = digest.parse().unwrap();
            prop_assert!(matches!(by_digest, Reference::Digest(_)));
            prop_assert_eq!(by_digest.to_string(), digest);
        }

        #[test]
        fn what_has_a_byte_of_neither_is_refused(
            before in "[a-zA-Z0-9_][a-zA-Z0-9._:-]{0,20}",
            odd in "[^a-zA-Z0-9._:-]",
            after in "[a-zA-Z0-9._:-]{0,20}",
        ) {
            let text = format!("{before}{odd}{after}");
            prop_assert!(text.parse::<Reference>().is_err());
        }

        #[test]
        fn what_has_a_colon_is_never_a_tag(text in "[a-z0-9]{0,10}:[a-zA-Z0-9._-]{0,63}") {
            prop_assert!(matches!(text.parse::<Reference>(), Err(ReferenceError::Digest(_))));
        }
    }
}
