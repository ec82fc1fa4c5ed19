//! Which tags are meant.

use std::{fmt, str::FromStr};

use super::stars::Stars;
use crate::tag::Tag;

/// A pattern of tags: a tag, with `*` for any characters, which may be none. `v*` fits `v` and
/// `v1.2`, `*` fits everything. Upper and lower case are told apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TagPattern(Stars);

/// The text is not a pattern of tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pattern of tags is a tag, with * for any characters")]
pub struct TagPatternError;

impl TagPattern {
    /// Whether it fits a tag.
    #[must_use]
    pub fn fits(&self, tag: &Tag) -> bool {
        self.0.fits(tag.as_str())
    }
}

impl FromStr for TagPattern {
    type Err = TagPatternError;

    fn from_str(text: &str) -> Result<Self, TagPatternError> {
        // Some tag fits if one does that has a letter for each `*`.
        let fits_some = text.replace('*', "x").parse::<Tag>().is_ok() && !text.contains("**");
        fits_some.then(|| Self(Stars::new(text))).ok_or(TagPatternError)
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

crate::text::serde_as_text!(TagPattern);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pattern_fits_what_it_says_and_nothing_else() {
        for (pattern, fitting, others) in [
            ("v*", &["v", "v1", "v1.2-rc"][..], &["V1", "av1", "latest"][..]),
            ("*", &["v1", "_", "latest"], &[]),
            ("latest", &["latest"], &["latest1", "late"]),
            ("*-rc*", &["v1-rc", "x-rc.1"], &["rc", "v1rc"]),
            ("v*.*.*", &["v1.2.3", "v..."], &["v1.2", "1.2.3"]),
        ] {
            let pattern: TagPattern = pattern.parse().unwrap();
            for (tags, expected) in [(fitting, true), (others, false)] {
                for tag in tags {
                    assert_eq!(pattern.fits(&tag.parse().unwrap()), expected, "{pattern} {tag}");
                }
            }
        }
        for text in ["", "**", ".v", "-*", "v:*", "v/*", "v ", "ä*"] {
            assert_eq!(text.parse::<TagPattern>(), Err(TagPatternError), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_prints_back_and_fits_a_tag(text in r"[v*a._-]{0,6}") {
            if let Ok(pattern) = text.parse::<TagPattern>() {
                prop_assert_eq!(pattern.to_string(), &*text);
                prop_assert!(pattern.fits(&text.replace('*', "x").parse().unwrap()));
            }
        }
    }
}
