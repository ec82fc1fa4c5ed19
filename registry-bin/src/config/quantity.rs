//! Numbers with units.

/// Units, the largest first; the last is 1 and may be left out where its name is empty.
pub(crate) type Units = &'static [(&'static str, u64)];

/// Bytes.
pub(crate) const SIZES: Units =
    &[("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)];

/// Milliseconds.
pub(crate) const SPANS: Units =
    &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A whole number followed by one of the units.
pub(crate) fn parse(text: &str, units: Units) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// The shortest text without a fraction that says the same.
pub(crate) fn format(value: u64, units: Units) -> String {
    let exact = units.iter().find(|(_, factor)| value >= *factor && value.is_multiple_of(*factor));
    let (name, factor) = exact.unwrap_or(&units[units.len() - 1]);
    format!("{}{name}", value / factor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quantity_is_a_whole_number_and_a_unit() {
        assert_eq!(parse("4MiB", SIZES), Some(4 << 20));
        assert_eq!(parse("4 MiB", SIZES), Some(4 << 20));
        assert_eq!(parse("4194304", SIZES), Some(4 << 20));
        assert_eq!(parse("90s", SPANS), Some(90_000));
        assert_eq!(parse("1ms", SPANS), Some(1));
        let wrong =
            ["", "MiB", "-1", "1.5GiB", "4mib", "4MB", "99999999999999999999", "99999999TiB"];
        for text in wrong {
            assert_eq!(parse(text, SIZES), None, "{text}");
        }
        for text in ["", "90", "s", "1 day", "1h30m"] {
            assert_eq!(parse(text, SPANS), None, "{text}");
        }
    }

    #[test]
    fn the_largest_exact_unit_is_shown() {
        assert_eq!(format(86_400_000, SPANS), "1d");
        assert_eq!(format(90_000, SPANS), "90s");
        assert_eq!(format(0, SPANS), "0ms");
        assert_eq!(format(5 << 30, SIZES), "5GiB");
        assert_eq!(format(5_000, SIZES), "5000");
    }

    proptest! {
        #[test]
        fn what_is_shown_parses_back(value: u64) {
            prop_assert_eq!(parse(&format(value, SIZES), SIZES), Some(value));
            prop_assert_eq!(parse(&format(value, SPANS), SPANS), Some(value));
        }
    }
}
