//! What the server looks after while it runs: the policy's file, the keys that sign tokens,
//! what is counted of requests and logins, and the uploads that nobody goes on with.

use std::{path::Path, pin::pin, sync::Arc, time::Duration};

use futures::future;
use registry_adapters::{limits::Limits, passwords::SavedTries, system::SystemClock};
use registry_core::{policy::PolicyFile, ports::Clock, registry::Registry};
use tokio::{signal::unix::Signal, task::JoinSet};

use crate::{
    config::{self, Config, Policy},
    policy::LivePolicy,
    wiring::TokenKeys,
};

/// How often the keys and the uploads are looked at.
const MINUTE: Duration = Duration::from_secs(60);
/// How old the newest key becomes before there is another.
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Looks after these, and reads the policy again with each `hangup`, until it is dropped.
pub(super) fn keep(
    config: &Config,
    registry: Registry,
    policy: Option<LivePolicy>,
    keys: Option<TokenKeys>,
    limits: Option<Arc<Limits>>,
    tries: &[Arc<SavedTries>],
    hangups: Signal,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(drop_uploads(registry));
    if let Some(policy) = &policy {
        tasks.spawn(policy.clone().follow(SystemClock::new(), exposure(config)));
    }
    if let Some(keys) = keys.filter(|keys| keys.are_kept) {
        tasks.spawn(keep_keys(keys));
    }
    if let Some(limits) = limits {
        tasks.spawn(async move { match limits.keep_saving(MINUTE).await {} });
    }
    for tries in tries {
        let tries = Arc::clone(tries);
        tasks.spawn(async move { match tries.keep_saving(MINUTE).await {} });
    }
    tasks.spawn(hear(hangups, policy));
    tasks
}

/// Takes `SIGHUP`, which would end the process.
async fn hear(mut hangups: Signal, policy: Option<LivePolicy>) {
    while hangups.recv().await.is_some() {
        match &policy {
            Some(policy) => policy.read_again(),
            None => tracing::info!("there is no policy to read again"),
        }
    }
}

/// What is to be said against another policy: it must not let strangers write either.
fn exposure(config: &Config) -> impl Fn(&Path, &PolicyFile) -> Result<(), String> + Send + use<> {
    let config = config.clone();
    move |path, policy| {
        let policy = Policy::new(path.to_owned(), policy.clone());
        config::check_policy(&config, &policy).map_err(|error| error.to_string())
    }
}

/// Drops the uploads that have expired, which else keep their bytes, and hold a quota, until somebody
/// uses them.
async fn drop_uploads(registry: Registry) {
    let clock = SystemClock::new();
    loop {
        match registry.discard_expired_uploads().await {
            Ok(0) => {}
            Ok(uploads) => tracing::info!(uploads, "dropped uploads that had expired"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "uploads that have expired cannot be dropped");
            }
        }
        clock.sleep(MINUTE).await;
    }
}

async fn keep_keys(keys: TokenKeys) {
    let clock = SystemClock::new();
    loop {
        match future::join(pin!(keys.ring.rotate_after(MONTH)), pin!(keys.ring.retire())).await {
            (Ok(None), Ok(_)) => {}
            (Ok(Some(id)), Ok(_)) => tracing::info!(id, "there is another key to sign tokens"),
            (Err(error), _) | (_, Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the keys that sign tokens cannot be renewed");
            }
        }
        keys.publish().await;
        clock.sleep(MINUTE).await;
    }
}
