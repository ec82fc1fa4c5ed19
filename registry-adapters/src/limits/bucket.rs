//! One bucket: how much of a burst is used. All of it is in whole numbers.

use std::time::Duration;

use super::rate::Rate;

/// How much is used, as it was at some time. What is used comes back evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    /// In parts, of which one thing has as many as the rate's period has nanoseconds: then as many
    /// come back in a nanosecond as things do in a period, and nothing is ever rounded.
    used: u128,
    /// In nanoseconds.
    at: u64,
}

impl Bucket {
    /// Of which nothing is used.
    pub(super) const fn full(now: Duration) -> Self {
        Self { used: 0, at: nanos(now) }
    }

    /// Which is full again after so long, or after a whole burst's time where that is less.
    pub(super) fn full_after(rate: Rate, wait: Duration, now: Duration) -> Self {
        let used = u128::from(nanos(wait)) * u128::from(rate.amount);
        Self { used: used.min(capacity(rate)), at: nanos(now) }
    }

    /// Takes up to `want`, and at least a `piece` of it where the burst has one; else says how long
    /// that takes to come back, and changes nothing.
    pub(super) fn take(
        &mut self,
        rate: Rate,
        want: u64,
        piece: u64,
        now: Duration,
    ) -> Result<u64, Duration> {
        self.pass(rate, now);
        let free = capacity(rate) - self.used;
        let whole = u64::try_from(free / u128::from(rate.period)).unwrap_or(u64::MAX);
        let least = want.min(piece).min(rate.burst);
        if whole < least {
            let missing = parts(rate, least) - free;
            return Err(time(missing.div_ceil(u128::from(rate.amount))));
        }
        let taken = want.min(whole);
        self.used += parts(rate, taken);
        Ok(taken)
    }

    pub(super) fn give_back(&mut self, rate: Rate, unused: u64, now: Duration) {
        self.pass(rate, now);
        self.used = self.used.saturating_sub(parts(rate, unused));
    }

    /// How long until nothing of it is used.
    pub(super) fn until_full(&self, rate: Rate, now: Duration) -> Duration {
        let mut then = *self;
        then.pass(rate, now);
        time(then.used.div_ceil(u128::from(rate.amount)))
    }

    /// What has come back by now. A clock never goes backwards; should it, nothing comes back.
    fn pass(&mut self, rate: Rate, now: Duration) {
        let now = nanos(now);
        let passed = now.saturating_sub(self.at);
        self.used = self.used.saturating_sub(u128::from(passed) * u128::from(rate.amount));
        self.at = self.at.max(now);
    }
}

fn capacity(rate: Rate) -> u128 {
    parts(rate, rate.burst)
}

fn parts(rate: Rate, things: u64) -> u128 {
    u128::from(things) * u128::from(rate.period)
}

/// Enough for 584 years.
const fn nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 }
}

fn time(nanos: u128) -> Duration {
    u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn rates() -> impl Strategy<Value = Rate> {
        (1..1_000_000u64, 1..100_000_000_000u64, 1..1_000u64)
            .prop_map(|(amount, period, burst)| Rate { amount, period, burst })
    }

    const fn at(nanos: u64) -> Duration {
        Duration::from_nanos(nanos)
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_the_burst_and_what_came_back(
            rate in rates(),
            steps in vec((0..1_000_000_000u64, 1..50u64), 1..200),
        ) {
            let (mut bucket, mut now, mut taken) = (Bucket::full(at(0)), 0, 0u128);
            for (pause, want) in steps {
                now += pause;
                if let Ok(n) = bucket.take(rate, want, 1, at(now)) {
                    prop_assert!((1..=want).contains(&n));
                    taken += u128::from(n);
                }
                let back = u128::from(now) * u128::from(rate.amount) / u128::from(rate.period);
                prop_assert!(taken <= u128::from(rate.burst) + back);
            }
        }

        #[test]
        fn a_wait_is_exact(rate in rates(), want in 1..2_000u64, piece in 1..2_000u64) {
            let mut bucket = Bucket::full(at(7));
            bucket.take(rate, rate.burst, rate.burst, at(7)).expect("it is full");
            let wait = bucket.take(rate, want, piece, at(7)).expect_err("nothing is left");
            let early = wait - Duration::from_nanos(1);
            let mut too_early = bucket;
            let left = too_early.take(rate, want, piece, at(7) + early);
            prop_assert_eq!(left, Err(Duration::from_nanos(1)));
            let least = want.min(piece).min(rate.burst);
            prop_assert!(bucket.take(rate, want, piece, at(7) + wait).is_ok_and(|n| n >= least));
        }

        #[test]
        fn whoever_keeps_knocking_is_let_in_as_soon_as_whoever_waits(
            rate in rates(),
            knocks in vec(0..1_000_000u64, 0..100),
        ) {
            let mut bucket = Bucket::full(at(0));
            bucket.take(rate, rate.burst, rate.burst, at(0)).expect("it is full");
            let wait = bucket.take(rate, 1, 1, at(0)).expect_err("nothing is left");
            let mut now = Duration::ZERO;
            for knock in knocks {
                now += at(knock);
                if now >= wait {
                    break;
                }
                prop_assert_eq!(bucket.take(rate, 1, 1, now), Err(wait - now));
            }
            prop_assert_eq!(bucket.take(rate, 1, 1, wait), Ok(1));
        }

        #[test]
        fn what_is_given_back_was_never_taken(rate in rates(), pause in 0..1_000_000_000u64) {
            let mut bucket = Bucket::full(at(0));
            bucket.take(rate, rate.burst.div_ceil(2), 1, at(0)).expect("it is full");
            let before = bucket.until_full(rate, at(pause));
            if let Ok(n) = bucket.take(rate, rate.burst, 1, at(pause)) {
                bucket.give_back(rate, n, at(pause));
            }
            prop_assert_eq!(bucket.until_full(rate, at(pause)), before);
            bucket.give_back(rate, u64::MAX, at(pause));
            prop_assert_eq!(bucket.until_full(rate, at(pause)), Duration::ZERO);
            prop_assert_eq!(bucket.take(rate, u64::MAX, 1, at(pause)), Ok(rate.burst));
        }

        #[test]
        fn the_time_until_it_is_full_is_all_there_is_to_know(
            rate in rates(),
            want in 1..1_000u64,
            pause in 0..1_000_000_000u64,
        ) {
            let mut bucket = Bucket::full(at(0));
            bucket.take(rate, want, 1, at(0)).expect("it is full");
            let wait = bucket.until_full(rate, at(pause));
            let again = Bucket::full_after(rate, wait, at(5));
            prop_assert_eq!(again.until_full(rate, at(5)), wait);
        }
    }

    #[test]
    fn the_largest_numbers_fit() {
        let rate = Rate { amount: u64::MAX, period: 366 * 86_400 * 1_000_000_000, burst: u64::MAX };
        let mut bucket = Bucket::full(Duration::ZERO);
        assert_eq!(bucket.take(rate, u64::MAX, 1, Duration::ZERO), Ok(u64::MAX));
        assert!(bucket.take(rate, 1, 1, Duration::ZERO).is_err());
        assert_eq!(bucket.take(rate, 1, 1, Duration::MAX), Ok(1));
    }

    #[test]
    fn a_clock_that_goes_backwards_gives_nothing_back_and_keeps_nobody_longer() {
        let rate = Rate { amount: 1, period: 1_000_000_000, burst: 1 };
        let mut bucket = Bucket::full(Duration::from_secs(100));
        assert_eq!(bucket.take(rate, 1, 1, Duration::from_secs(100)), Ok(1));
        let wait = bucket.take(rate, 1, 1, Duration::from_secs(50));
        assert_eq!(wait, Err(Duration::from_secs(1)));
        assert_eq!(bucket.take(rate, 1, 1, Duration::from_secs(101)), Ok(1));
    }
}
