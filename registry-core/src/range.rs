//! Byte ranges: of a download (RFC 9110 section 14), and of a chunk of an upload.

use std::{fmt, ops::Range, str::FromStr};

/// One range of a `Range` request header (RFC 9110 section 14.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 9110 knows these forms and no other")]
pub enum ByteRange {
    /// `first-last`, both inclusive; `first` may lie beyond `last`, then nothing satisfies it.
    Closed(u64, u64),
    /// `first-`
    From(u64),
    /// `-length`: the last bytes.
    Suffix(u64),
}

/// The header asks for no single byte range; RFC 9110 section 14.2 has it ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not one byte range")]
pub struct ByteRangeError;

impl ByteRange {
    /// The bytes meant, of a content of `size` bytes; `None` when there are none (416).
    #[must_use]
    pub fn resolve(self, size: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::Closed(first, last) if first <= last => first..last.saturating_add(1).min(size),
            Self::Closed(..) => return None,
            Self::From(first) => first..size,
            Self::Suffix(length) => size.saturating_sub(length)..size,
        };
        (range.start < range.end).then_some(range)
    }
}

impl FromStr for ByteRange {
    type Err = ByteRangeError;

    fn from_str(header: &str) -> Result<Self, ByteRangeError> {
        let (unit, spec) = header.split_once('=').ok_or(ByteRangeError)?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Err(ByteRangeError);
        }
        let (first, last) = spec.trim().split_once('-').ok_or(ByteRangeError)?;
        match (first, last) {
            ("", "") => Err(ByteRangeError),
            ("", length) => Ok(Self::Suffix(number(length).ok_or(ByteRangeError)?)),
            (first, "") => Ok(Self::From(number(first).ok_or(ByteRangeError)?)),
            (first, last) => Ok(Self::Closed(
                number(first).ok_or(ByteRangeError)?,
                number(last).ok_or(ByteRangeError)?,
            )),
        }
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(first, last) => write!(f, "bytes={first}-{last}"),
            Self::From(first) => write!(f, "bytes={first}-"),
            Self::Suffix(length) => write!(f, "bytes=-{length}"),
        }
    }
}

/// The `Content-Range` of a chunk: `^[0-9]+-[0-9]+$`, inclusive, without unit or total
/// (distribution-spec, "Pushing a blob in chunks").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    first: u64,
    last: u64,
}

/// The header is not the range of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Content-Range of a chunk is 'first-last', two byte offsets, first <= last")]
pub struct ContentRangeError;

impl ContentRange {
    /// Where the chunk starts.
    #[must_use]
    pub const fn start(self) -> u64 {
        self.first
    }

    /// How many bytes the chunk has, at least one.
    #[must_use]
    pub const fn length(self) -> u64 {
        // `last < u64::MAX` holds by construction.
        self.last - self.first + 1
    }
}

impl FromStr for ContentRange {
    type Err = ContentRangeError;

    fn from_str(header: &str) -> Result<Self, ContentRangeError> {
        let (first, last) = header.split_once('-').ok_or(ContentRangeError)?;
        let first = number(first).ok_or(ContentRangeError)?;
        let last = number(last).ok_or(ContentRangeError)?;
        if first <= last && last < u64::MAX {
            Ok(Self { first, last })
        } else {
            Err(ContentRangeError)
        }
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// Digits only: `u64::from_str` would take a leading `+`. A number beyond 64 bits lies beyond every
/// content, as the largest of 64 bits does.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_range_resolves_as_rfc_9110_says() {
        for (header, size, want) in [
            ("bytes=0-0", 1, Some(0..1)),
            ("bytes=500-1499", 2048, Some(500..1500)),
            ("bytes=500-", 2048, Some(500..2048)),
            ("bytes=-500", 2048, Some(1548..2048)),
            ("bytes=-5000", 2048, Some(0..2048)),
            ("bytes=2000-5000", 2048, Some(2000..2048)),
            ("bytes=500-0", 2048, None),
            ("bytes=5000-10000", 2048, None),
            ("bytes=-0", 2048, None),
            ("bytes=0-", 0, None),
            ("bytes=0-18446744073709551615", 5, Some(0..5)),
            ("bytes=3-99999999999999999999999", 5, Some(3..5)),
            ("bytes=99999999999999999999999-", 5, None),
            ("bytes=-99999999999999999999999", 5, Some(0..5)),
        ] {
            assert_eq!(header.parse::<ByteRange>().unwrap().resolve(size), want, "{header}");
        }
    }

    #[test]
    fn what_is_no_single_range_is_refused() {
        for bad in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "lines=0-1",
            "bytes=+1-2",
        ] {
            assert!(bad.parse::<ByteRange>().is_err(), "{bad:?}");
        }
        for bad in [
            "",
            "-",
            "1",
            "1-",
            "-1",
            "2-1",
            "bytes 0-1",
            "0-1/2",
            "+0-1",
            "0-18446744073709551615",
        ] {
            assert!(bad.parse::<ContentRange>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_byte_range_prints_back(first: u64, last: u64) {
            for range in [ByteRange::Closed(first, last), ByteRange::From(first), ByteRange::Suffix(last)] {
                prop_assert_eq!(range.to_string().parse::<ByteRange>().unwrap(), range);
            }
        }

        #[test]
        fn a_resolved_range_is_not_empty_and_lies_inside(first: u64, last: u64, size: u64) {
            for range in [ByteRange::Closed(first, last), ByteRange::From(first), ByteRange::Suffix(last)] {
                if let Some(r) = range.resolve(size) {
                    prop_assert!(r.start < r.end && r.end <= size);
                }
            }
        }

        #[test]
        fn a_chunk_range_prints_back(first in 0..u64::MAX, length in 0u64..1000) {
            let text = format!("{first}-{}", first.saturating_add(length).min(u64::MAX - 1));
            let range: ContentRange = text.parse().unwrap();
            prop_assert_eq!(range.to_string(), text);
            prop_assert!(range.length() >= 1);
        }
    }
}
