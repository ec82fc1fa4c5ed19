use std::time::Duration;

/// The value that `percent` of all values do not exceed (nearest rank), of values in ascending
/// order. Zero if there are none.
pub fn percentile(sorted: &[Duration], percent: f64) -> Duration {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or_default()
}

/// The middle of the values, or the mean of the two in the middle. `None` if there are none.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// The sum of the first and of the last `n` values, in that order. Fewer if there are fewer.
pub(crate) fn first_and_last(values: &[Duration], n: usize) -> (Duration, Duration) {
    let n = n.min(values.len());
    (values[..n].iter().sum(), values[values.len() - n..].iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(values: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        values.into_iter().map(Duration::from_millis).collect()
    }

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let values = milliseconds(1..=100);
        for (percent, rank) in
            [(0.0, 1), (1.0, 1), (50.0, 50), (50.1, 51), (99.0, 99), (100.0, 100)]
        {
            assert_eq!(percentile(&values, percent), Duration::from_millis(rank), "p{percent}");
        }
    }

    #[test]
    fn percentiles_of_few_values_are_values_that_occurred() {
        assert_eq!(percentile(&[], 50.0), Duration::ZERO);
        assert_eq!(percentile(&milliseconds([7]), 1.0), Duration::from_millis(7));
        assert_eq!(percentile(&milliseconds([7, 9]), 50.0), Duration::from_millis(7));
        assert_eq!(percentile(&milliseconds([7, 9]), 99.0), Duration::from_millis(9));
    }

    #[test]
    fn a_median_ignores_one_outlier() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![900.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn first_and_last_overlap_when_values_are_few() {
        let values = milliseconds([1, 2, 3, 4]);
        let pair = |a, b| (Duration::from_millis(a), Duration::from_millis(b));
        assert_eq!(first_and_last(&values, 1), pair(1, 4));
        assert_eq!(first_and_last(&values, 3), pair(6, 9));
        assert_eq!(first_and_last(&values, 9), pair(10, 10));
        assert_eq!(first_and_last(&[], 9), pair(0, 0));
    }
}
