//! Times as people and programs read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time to the second, as in `2026-01-31T23:59:59Z` (RFC 3339 section 5.6).
pub(crate) fn seconds(time: SystemTime) -> String {
    let (date, rest) = parts(time);
    format!("{date}T{}Z", clock(rest.as_secs()))
}

/// The time to the millisecond, as in `2026-01-31T23:59:59.999Z`.
pub(crate) fn millis(time: SystemTime) -> String {
    let (date, rest) = parts(time);
    format!("{date}T{}.{:03}Z", clock(rest.as_secs()), rest.subsec_millis())
}

fn clock(second: u64) -> String {
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// The day, and what has passed of it. What is before 1970 is 1970.
fn parts(time: SystemTime) -> (String, Duration) {
    const DAY: u64 = 24 * 60 * 60;
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut days = since.as_secs() / DAY;
    let mut year = 1970;
    while days >= days_of(year) {
        days -= days_of(year);
        year += 1;
    }
    let mut month = 1;
    while days >= days_in(year, month) {
        days -= days_in(year, month);
        month += 1;
    }
    let rest = Duration::new(since.as_secs() % DAY, since.subsec_nanos());
    (format!("{year:04}-{month:02}-{:02}", days + 1), rest)
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_of(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

const fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_its_date_and_its_clock() {
        for (unix, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(seconds(UNIX_EPOCH + Duration::from_secs(unix)), text);
        }
        let time = UNIX_EPOCH + Duration::from_millis(951_782_400_007);
        assert_eq!(millis(time), "2000-02-29T00:00:00.007Z");
    }
}
