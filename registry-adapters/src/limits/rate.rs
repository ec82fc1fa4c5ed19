//! What is configured: how much, of what, for whom.

use std::time::Duration;

use registry_core::ports::{Limit, SubjectKind};

/// So much in so much time, and so much at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What comes back in a period.
    pub(super) amount: u64,
    /// In nanoseconds.
    pub(super) period: u64,
    pub(super) burst: u64,
}

/// It is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate gives one at least, at once one at least, in more than no time and at most a year")]
pub struct RateError;

/// The rates of a server. What has none is not limited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates([[Option<Rate>; 3]; Limit::ALL.len()]);

impl Rate {
    const YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);

    /// `amount` in each `period`, evenly, and `burst` at once after a rest.
    ///
    /// # Errors
    /// When any of them is 0, or the period longer than a year.
    pub fn new(amount: u64, period: Duration, burst: u64) -> Result<Self, RateError> {
        let fits = amount > 0 && burst > 0 && period > Duration::ZERO && period <= Self::YEAR;
        let nanos = u64::try_from(period.as_nanos()).map_err(|_| RateError)?;
        if fits { Ok(Self { amount, period: nanos, burst }) } else { Err(RateError) }
    }

    /// A rate that is written down here.
    const fn per_second(amount: u64, burst: u64) -> Self {
        Self { amount, period: 1_000_000_000, burst }
    }

    const fn per_minute(amount: u64, burst: u64) -> Self {
        Self { amount, period: 60_000_000_000, burst }
    }
}

impl Rates {
    /// No limits.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// What suits a server on a public address: far more than the busiest honest client needs, and
    /// too little to be worth an attack. Bytes are not limited.
    ///
    /// | what | for whom | at once | then |
    /// |---|---|---|---|
    /// | requests | an address, a principal | 20 000 | 200 a second |
    /// | requests | a namespace | 60 000 | 600 a second |
    /// | requests for tokens | an address, a principal | 6 000 | 20 a second |
    /// | refused credentials that may be guesses | an address | 30 | 30 a minute |
    /// | refused credentials of others | an address | 30 | 30 a minute |
    #[must_use]
    pub fn suggested() -> Self {
        use SubjectKind::{Address, Namespace, Principal};
        let requests = Rate::per_second(200, 20_000);
        let tokens = Rate::per_second(20, 6_000);
        Self::none()
            .with(Limit::Requests, Address, requests)
            .with(Limit::Requests, Principal, requests)
            .with(Limit::Requests, Namespace, Rate::per_second(600, 60_000))
            .with(Limit::TokenRequests, Address, tokens)
            .with(Limit::TokenRequests, Principal, tokens)
            .with(Limit::Failures, Address, Rate::per_minute(30, 30))
            .with(Limit::Refusals, Address, Rate::per_minute(30, 30))
    }

    /// The same with this rate. One for [`Limit::StoredBytes`] limits nobody: that is no rate, but a
    /// [quota](super::Builder::quota).
    #[must_use]
    pub fn with(mut self, limit: Limit, kind: SubjectKind, rate: Rate) -> Self {
        if let Some(row) = row(limit) {
            self.0[row][kind as usize] = Some(rate);
        }
        self
    }

    /// The same without a rate.
    #[must_use]
    pub fn without(mut self, limit: Limit, kind: SubjectKind) -> Self {
        if let Some(row) = row(limit) {
            self.0[row][kind as usize] = None;
        }
        self
    }

    /// The rate of each subject of a kind.
    #[must_use]
    pub fn get(&self, limit: Limit, kind: SubjectKind) -> Option<Rate> {
        *self.0[row(limit)?].get(kind as usize)?
    }
}

fn row(limit: Limit) -> Option<usize> {
    Limit::ALL.iter().position(|known| *known == limit)
}
