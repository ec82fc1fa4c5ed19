//! Pages of a listing (distribution-spec, "Content Discovery").

/// Which part of a listing a client asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// At most this many entries; `None`: all of them.
    pub n: Option<usize>,
    /// Only entries that sort after this text, which need not be an entry nor be well formed.
    pub last: Option<String>,
}

/// `n` is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("'n' is a number of entries, zero or more")]
pub struct PageError;

impl Page {
    /// The most entries of one page: whoever asks for more gets this many and a link to the rest.
    pub const MAX: usize = 10_000;

    /// The longest `last` in bytes; no entry of any listing is longer.
    pub const MAX_LAST: usize = 512;

    /// The page that `?n=…&last=…` asks for.
    ///
    /// # Errors
    /// When `n` is not a number. A number beyond [`Page::MAX`], however large, is capped.
    pub fn new(n: Option<&str>, last: Option<String>) -> Result<Self, PageError> {
        let n = n.map(parse_n).transpose()?;
        let last = last.map(|mut last| {
            // Cut at a character, so that the rest still sorts where the whole did or before.
            last.truncate(
                (0..=Self::MAX_LAST).rev().find(|i| last.is_char_boundary(*i)).unwrap_or(0),
            );
            last
        });
        Ok(Self { n, last })
    }
}

fn parse_n(text: &str) -> Result<usize, PageError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(PageError);
    }
    Ok(text.parse().unwrap_or(usize::MAX).min(Page::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn n_is_a_number_and_is_capped() {
        let n = |text| Page::new(Some(text), None).map(|page| page.n);
        assert_eq!(n("0"), Ok(Some(0)));
        assert_eq!(n("5"), Ok(Some(5)));
        assert_eq!(n("4294967295"), Ok(Some(Page::MAX)));
        assert_eq!(n("99999999999999999999999999"), Ok(Some(Page::MAX)));
        for bad in ["", "-1", "abc", "1.5", "+1", " 1"] {
            assert_eq!(n(bad), Err(PageError), "{bad:?}");
        }
    }

    #[test]
    fn an_overlong_last_is_cut_at_a_character() {
        let page = Page::new(None, Some("é".repeat(1000))).unwrap();
        assert_eq!(page.last.unwrap().len(), Page::MAX_LAST);
    }

    proptest! {
        #[test]
        fn a_number_of_any_length_is_itself_or_the_cap(digits in "[0-9]{1,30}") {
            let n = Page::new(Some(&digits), None).unwrap().n;
            let want = digits.parse::<u128>().unwrap().min(Page::MAX as u128);
            prop_assert_eq!(n.map(|n| n as u128), Some(want));
        }

        #[test]
        fn what_is_no_number_is_refused(text in "[0-9]{0,5}[^0-9][0-9]{0,5}") {
            prop_assert_eq!(Page::new(Some(&text), None), Err(PageError));
        }

        #[test]
        fn of_any_last_there_stays_the_longest_beginning_that_fits(text in "(?s).{0,700}") {
            let last = Page::new(None, Some(text.clone())).unwrap().last.unwrap();
            let next = text.strip_prefix(&last).unwrap().chars().next();
            prop_assert!(last.len() <= Page::MAX_LAST);
            prop_assert!(next.is_none_or(|c| last.len() + c.len_utf8() > Page::MAX_LAST));
        }
    }
}
