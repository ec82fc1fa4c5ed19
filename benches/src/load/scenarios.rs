//! The scenarios, one idea a file. Each connects and prepares first, then starts the clock.

mod bad_logins;
mod manifests;
mod patches;
mod pull;
mod small_pushes;
mod uploads;

use std::{future::Future, time::Duration};

use hyper::Method;
use tokio::task::JoinSet;

use super::{
    arguments::{Common, Scenario},
    client::{Connection, Target},
    error::LoadError,
    outcome::{Outcome, Parameters},
    reader::Reader,
    window::Observer,
};

/// Where a scenario runs.
#[derive(Debug)]
pub(crate) struct Setting {
    target: Target,
    repository: String,
    observer: Observer,
}

/// Runs a scenario.
pub(crate) async fn run(setting: &Setting, scenario: &Scenario) -> Result<Outcome, LoadError> {
    match scenario {
        Scenario::Pull(pull) => pull::run(setting, pull).await,
        Scenario::ManifestGet(manifest) => manifests::run(setting, manifest, Method::GET).await,
        Scenario::ManifestHead(manifest) => manifests::run(setting, manifest, Method::HEAD).await,
        Scenario::PushMonolithic(push) => uploads::monolithic(setting, push).await,
        Scenario::PushChunked(chunked) => uploads::chunked(setting, chunked).await,
        Scenario::PushSinglePost(push) => uploads::single_post(setting, push).await,
        Scenario::ParallelPush(parallel) => uploads::parallel(setting, parallel).await,
        Scenario::SmallPushes(small) => small_pushes::run(setting, small).await,
        Scenario::Patches(patches) => patches::run(setting, patches).await,
        Scenario::BadLogins(logins) => bad_logins::run(setting, logins).await,
    }
}

impl Setting {
    pub(crate) fn new(common: &Common) -> Result<Self, LoadError> {
        Ok(Self {
            target: Target::new(&common.url, common.authorization.clone())?,
            repository: common.repository.clone(),
            observer: Observer::new(common.pid)?,
        })
    }

    async fn connections(&self, count: u16) -> Result<Vec<Connection>, LoadError> {
        let mut connections = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            connections.push(Connection::open(&self.target).await?);
        }
        Ok(connections)
    }

    async fn readers(
        &self,
        count: u16,
        method: &Method,
        path: &str,
    ) -> Result<Vec<Reader>, LoadError> {
        let mut readers = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            readers.push(Reader::open(&self.target, method.clone(), path).await?);
        }
        Ok(readers)
    }
}

/// Runs all clients at once and joins the latencies they return. The first failure ends all.
async fn side_by_side<F>(clients: impl IntoIterator<Item = F>) -> Result<Vec<Duration>, LoadError>
where
    F: Future<Output = Result<Vec<Duration>, LoadError>> + Send + 'static,
{
    let mut running: JoinSet<_> = clients.into_iter().collect();
    let mut latencies = Vec::new();
    while let Some(client) = running.join_next().await {
        latencies.append(&mut client??);
    }
    Ok(latencies)
}

fn parameters<const N: usize>(parameters: [(&str, u64); N]) -> Parameters {
    parameters.map(|(name, value)| (name.to_owned(), value)).into()
}
