//! How often somebody may be wrong.

use std::{collections::VecDeque, time::Duration};

use super::fingerprint::Fingerprint;
use crate::recent::Recent;

/// So many failures …
pub(super) const LIMIT: usize = 10;
/// … within so much time, and the next try has to wait until the first of them is as old.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// Of each, how long its failures still count, or until when.
pub(super) type Left = Vec<(Fingerprint, Vec<Duration>)>;

/// The latest failures of each: until when they count.
pub(super) struct Failures(Recent<Fingerprint, VecDeque<Duration>>);

impl Failures {
    /// Of so many; the one whose last failure is the oldest is forgotten first.
    pub(super) const fn new(capacity: usize) -> Self {
        Self(Recent::new(capacity))
    }

    /// How long it has to wait, if it must.
    pub(super) fn wait(&self, who: &Fingerprint, now: Duration) -> Option<Duration> {
        let times = self.0.get(who).filter(|times| times.len() == LIMIT)?;
        times.front()?.checked_sub(now).filter(|wait| !wait.is_zero())
    }

    /// Counts a failure. A try that was refused without being looked at is none: whoever keeps
    /// knocking is let in when the time has come.
    pub(super) fn count(&mut self, who: Fingerprint, now: Duration) {
        let mut times = self.0.remove(&who).unwrap_or_default();
        if times.len() == LIMIT {
            times.pop_front();
        }
        times.push_back(now + WINDOW);
        self.0.insert(who, times);
    }

    /// Those that still count, the oldest first, and for how long.
    pub(super) fn left(&self, now: Duration) -> Left {
        let left = |until: &Duration| until.checked_sub(now).filter(|left| !left.is_zero());
        let rows =
            self.0.iter().map(|(who, times)| (*who, times.iter().filter_map(left).collect()));
        rows.filter(|(_, left): &(_, Vec<_>)| !left.is_empty()).collect()
    }

    /// Counts again what was left.
    pub(super) fn recall(&mut self, left: Left, now: Duration) {
        for (who, left) in left {
            let times = left.into_iter().take(LIMIT).map(|left| now + left.min(WINDOW));
            self.0.insert(who, times.collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: [u8; 32] = [1; 32];

    #[test]
    fn the_window_slides() {
        let (who, second) = (Fingerprint::from(WHO), Duration::from_secs);
        let mut failures = Failures::new(2);
        for at in 0..LIMIT as u64 {
            assert_eq!(failures.wait(&who, second(at)), None, "{at}");
            failures.count(who, second(at));
        }
        assert_eq!(failures.wait(&who, second(9)), Some(second(51)));
        assert_eq!(failures.wait(&who, second(59)), Some(second(1)));
        assert_eq!(failures.wait(&who, second(60)), None);
        failures.count(who, second(60));
        assert_eq!(failures.wait(&who, second(60)), Some(second(1)), "the second is as old then");
        assert_eq!(failures.wait(&Fingerprint::from([2; 32]), second(60)), None);
    }

    #[test]
    fn what_is_left_counts_on_by_another_clock() {
        let (who, second) = (Fingerprint::from(WHO), Duration::from_secs);
        let mut failures = Failures::new(2);
        for at in 100..110 {
            failures.count(who, second(at));
        }
        let left = failures.left(second(105 + 60));
        assert_eq!(left[0].1, [1, 2, 3, 4].map(second), "what no longer counts is not kept");
        let left = failures.left(second(110));
        let mut next = Failures::new(2);
        next.recall(left, second(3));
        assert_eq!(next.wait(&who, second(3)), failures.wait(&who, second(110)));
        assert_eq!(next.wait(&who, second(3)), Some(second(50)));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let mut failures = Failures::new(2);
        for byte in 1..=3 {
            for _ in 0..LIMIT {
                failures.count(Fingerprint::from([byte; 32]), Duration::ZERO);
            }
        }
        let waits = [1, 2, 3]
            .map(|byte| failures.wait(&Fingerprint::from([byte; 32]), Duration::ZERO).is_some());
        assert_eq!(waits, [false, true, true]);
    }
}
