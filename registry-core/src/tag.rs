//! Tags, the mutable names of manifests.

use std::{fmt, str::FromStr, sync::Arc};

/// A tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (distribution-spec, "Pulling manifests").
/// Case-sensitive; it never contains `:` or `/`.
///
/// It is made by parsing alone:
///
/// ```compile_fail,E0423
/// use registry_core::tag::Tag;
/// let outside = Tag("../x".into());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

/// The text is not a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tag has 1 to 128 letters, digits, '_', '.' or '-', and starts with none of '.' and '-'")]
pub struct TagError;

impl Tag {
    /// The longest tag in bytes.
    pub const MAX_LENGTH: usize = 128;

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let starts = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        let goes_on = |b: &u8| starts(b) || matches!(b, b'.' | b'-');
        let bytes = text.as_bytes();
        let fits = bytes.len() <= Self::MAX_LENGTH
            && bytes.first().is_some_and(starts)
            && bytes.iter().all(goes_on);
        if fits { Ok(Self(text.into())) } else { Err(TagError) }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

crate::text::serde_as_text!(Tag);

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn odd_tags_are_refused() {
        for bad in ["", ".", "-a", ".a", "a/b", "../x", "a:b", "a b", "a\0", "ä", "a+b"] {
            assert!(bad.parse::<Tag>().is_err(), "{bad:?}");
        }
        assert!("a".repeat(129).parse::<Tag>().is_err());
    }

    proptest! {
        #[test]
        fn every_word_of_the_grammar_parses_and_prints_back(text in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}") {
            prop_assert_eq!(text.parse::<Tag>().unwrap().to_string(), text);
        }
    }
}
