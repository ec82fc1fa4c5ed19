//! How much everybody may have.

use std::{sync::Arc, time::Duration};

use registry_adapters::{
    limits::{Limits, Rate, RateError, Rates},
    system::{SystemClock, SystemRandom, TokioTasks},
};
use registry_core::{
    policy::AllowAll,
    ports::{Limit, SubjectKind},
};

use super::{SERVER, expendable::Expendable, stores::Stores};
use crate::{
    config::{Config, Number, Setting},
    failure::Failure,
};

/// What may be taken at once, in seconds of the rate: a whole suite of tests, or a cluster that starts.
const BURST: u64 = 100;
/// The same for tokens, of which some clients ask for one with each request.
const TOKEN_BURST: u64 = 300;

const SECOND: Duration = Duration::from_secs(1);
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
    let records = Expendable::new(stores);
    let builder = Limits::builder(records, SystemClock::new(), SystemRandom);
    let builder = builder.server(SERVER).rates(rates);
    let limits = match quota {
        0 => builder.open().await?,
        quota => {
            let limits = builder.quota(quota).open().await?;
            // A server that was killed, or one without a quota, left another count.
            let tasks = TokioTasks::current();
            let registry = super::registry(config, stores, AllowAll, tasks, None, None);
            // What has expired is not kept, so it does not count.
            registry.discard_expired_uploads().await.map_err(Failure::Recount)?;
            let stored = registry.stored_bytes().await.map_err(Failure::Recount)?;
            limits.recount(&stored).await.map_err(|error| Failure::Recount(error.into()))?;
            limits
        }
    };
    Ok(Some(Arc::new(limits)))
}

/// What is suggested, with the settings' numbers in the place of those that there is a setting for.
fn rates(config: &Config) -> Rates {
    use SubjectKind::{Address, Namespace, Principal};
    let pulled = config.pulled_per_namespace.value.get();
    let bytes = (Limit::PulledBytes, Namespace, Rate::new(pulled, DAY, pulled));
    if !config.limits_requests() {
        return set(Rates::none(), bytes);
    }
    let per_second = |setting: &Setting<Number>, burst| {
        let amount = u64::from(setting.value.get());
        Rate::new(amount, SECOND, amount.saturating_mul(burst))
    };
    let settings = [
        bytes,
        (Limit::Requests, Address, per_second(&config.requests_per_address, BURST)),
        (Limit::Requests, Principal, per_second(&config.requests_per_user, BURST)),
        (Limit::Requests, Namespace, per_second(&config.requests_per_namespace, BURST)),
        (Limit::TokenRequests, Address, per_second(&config.tokens_per_address, TOKEN_BURST)),
        (Limit::TokenRequests, Principal, per_second(&config.tokens_per_user, TOKEN_BURST)),
    ];
    settings.into_iter().fold(Rates::suggested(), set)
}

/// The same with another rate; nothing is no rate, and limits nobody.
fn set(rates: Rates, (limit, kind, rate): (Limit, SubjectKind, Result<Rate, RateError>)) -> Rates {
    match rate {
        Ok(rate) => rates.with(limit, kind, rate),
        Err(_) => rates.without(limit, kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigErrors, Layers, Value};

    fn config() -> Config {
        let config = Config::resolve(&Layers::default(), &mut ConfigErrors::default());
        config.expect("defaults")
    }

    #[test]
    fn the_defaults_are_what_is_suggested() {
        let mut config = config();
        assert_eq!(rates(&config), Rates::none(), "a machine to itself");
        config.accounts.value = true;
        assert_eq!(rates(&config), Rates::suggested());
    }

    #[test]
    fn a_setting_takes_the_place_of_what_is_suggested_and_0_is_any() {
        use SubjectKind::Principal;
        let mut config = config();
        config.accounts.value = true;
        config.tokens_per_user.value = Value::parse("5").expect("a number");
        let five = Rate::new(5, SECOND, 1_500).expect("a rate");
        assert_eq!(rates(&config), Rates::suggested().with(Limit::TokenRequests, Principal, five));
        config.tokens_per_user.value = Value::parse("0").expect("a number");
        assert_eq!(rates(&config), Rates::suggested().without(Limit::TokenRequests, Principal));
    }
}
