//! How much everybody may have.

use std::{sync::Arc, time::Duration};

use registry_adapters::{
    limits::{Limits, Rate, Rates, SubjectKind},
    system::{SystemClock, SystemRandom, TokioTasks},
};
use registry_core::{policy::AllowAll, ports::Limit};

use super::Stores;
use crate::{
    config::{Config, Number, Setting},
    failure::Failure,
};

/// What may be taken at once, in seconds of the rate: a whole suite of tests, or a cluster that starts.
const BURST: u64 = 100;
/// The same for tokens, of which some clients ask for one with each request.
const TOKEN_BURST: u64 = 300;

/// How many credentials of one address are refused in a minute before it has to wait.
const FAILURES: u64 = 30;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The limits that the configuration says, going on where the last server ended; `None` where there
/// are none.
pub(crate) async fn limits(
    config: &Config,
    stores: &Stores,
) -> Result<Option<Arc<Limits>>, Failure> {
    let quota = config.stored_per_namespace.value.get();
    let rates = rates(config);
    if rates == Rates::none() && quota == 0 {
        return Ok(None);
    }
    let records = Arc::clone(&stores.records);
    let builder = Limits::builder(records, SystemClock::new(), SystemRandom).rates(rates);
    let limits = match quota {
        0 => builder.open().await?,
        quota => {
            let limits = builder.quota(quota).open().await?;
            // A server that was killed, or one without a quota, left another count.
            let tasks = TokioTasks::current();
            let registry = super::registry(config, stores, AllowAll, tasks, None, None);
            let stored = registry.stored_bytes().await.map_err(Failure::Recount)?;
            limits.recount(&stored).await.map_err(|error| Failure::Recount(error.into()))?;
            limits
        }
    };
    Ok(Some(Arc::new(limits)))
}

fn rates(config: &Config) -> Rates {
    use SubjectKind::{Address, Namespace, Principal};
    let per_second = |setting: &Setting<Number>, burst| {
        let amount = u64::from(setting.value.get());
        Rate::new(amount, SECOND, amount.saturating_mul(burst))
    };
    let pulled = config.pulled_per_namespace.value.get();
    let mut all = vec![(Limit::PulledBytes, Namespace, Rate::new(pulled, DAY, pulled))];
    if config.limits_requests() {
        all.extend([
            (Limit::Requests, Address, per_second(&config.requests_per_address, BURST)),
            (Limit::Requests, Principal, per_second(&config.requests_per_user, BURST)),
            (Limit::Requests, Namespace, per_second(&config.requests_per_namespace, BURST)),
            (Limit::TokenRequests, Address, per_second(&config.tokens_per_address, TOKEN_BURST)),
            // Whoever guesses is slowed down whatever else is said.
            (Limit::Failures, Address, Rate::new(FAILURES, MINUTE, FAILURES)),
        ]);
    }
    // Nothing is no rate, and limits nobody.
    all.into_iter().fold(Rates::none(), |rates, (limit, kind, rate)| match rate {
        Ok(rate) => rates.with(limit, kind, rate),
        Err(_) => rates,
    })
}
