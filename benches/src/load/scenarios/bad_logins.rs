use std::{net::Ipv4Addr, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{
    Method, StatusCode,
    header::{AUTHORIZATION, HeaderValue},
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::{Setting, parameters};
use crate::load::{
    arguments::BadLogins,
    client::{Connection, Target},
    content::Payload,
    error::LoadError,
    outcome::{Outcome, Work},
    window::now,
};

/// So many are under way at once; where the registry is slower than the rate, fewer are begun.
const UNDER_WAY: usize = 512;

/// Wrong passwords, each on a connection of its own, while something else is measured. All are
/// refused: 401, or 429 once too many were tried.
#[expect(clippy::disallowed_methods, reason = "a rate is one of real time")]
pub(super) async fn run(setting: &Setting, logins: &BadLogins) -> Result<Outcome, LoadError> {
    let window = setting.observer.start()?;
    let deadline = now() + logins.seconds;
    let mut ticks = interval(Duration::from_secs(1) / logins.rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut running, mut latencies) = (JoinSet::new(), Vec::new());
    let mut count = 0;
    while now() < deadline {
        ticks.tick().await;
        let (source, wrong) = (source(count % logins.addresses), wrong(count % logins.users));
        running.spawn(login(setting.target.clone(), source, wrong));
        count += 1;
        while running.len() >= UNDER_WAY
            && let Some(done) = running.join_next().await
        {
            latencies.push(done??);
        }
        while let Some(done) = running.try_join_next() {
            latencies.push(done??);
        }
    }
    while let Some(done) = running.join_next().await {
        latencies.push(done??);
    }
    Ok(Outcome {
        scenario: "bad-logins",
        parameters: parameters([
            ("rate", logins.rate.into()),
            ("addresses", logins.addresses.into()),
            ("users", logins.users.into()),
            ("seconds", logins.seconds.as_secs()),
        ]),
        work: Work::Operations,
        bytes: 0,
        latencies,
        measured: window.finish()?,
    })
}

/// Addresses from 127.1.0.1 on: the whole of 127.0.0.0/8 is the machine's own.
fn source(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + number)
}

/// The credentials of a user whom no registry knows.
fn wrong(number: u32) -> HeaderValue {
    let credentials = BASE64_STANDARD.encode(format!("load-{number}:wrong"));
    HeaderValue::try_from(format!("Basic {credentials}")).expect("base64 is ASCII")
}

async fn login(
    target: Target,
    source: Ipv4Addr,
    wrong: HeaderValue,
) -> Result<Duration, LoadError> {
    let started = now();
    let mut connection = Connection::open_from(&target, source.into()).await?;
    let (path, headers) = (target.ping(), [(AUTHORIZATION, wrong)]);
    let refused = StatusCode::UNAUTHORIZED;
    match connection.call(Method::GET, &path, &headers, Payload::EMPTY, refused).await {
        Ok(_) | Err(LoadError::Status { found: StatusCode::TOO_MANY_REQUESTS, .. }) => {
            Ok(now() - started)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_an_address_of_the_loopback() {
        assert_eq!(source(0), Ipv4Addr::new(127, 1, 0, 1));
        assert_eq!(source(64_999), Ipv4Addr::new(127, 1, 253, 232));
    }

    #[test]
    fn each_login_is_for_another_user() {
        assert_eq!(wrong(0), "Basic bG9hZC0wOndyb25n", "load-0:wrong");
        assert_ne!(wrong(0), wrong(1));
    }
}
