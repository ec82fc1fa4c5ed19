use std::time::Duration;

use super::{Setting, parameters, side_by_side};
use crate::load::{
    arguments::{ParallelPush, Push, PushChunked},
    client::Connection,
    content::ContentSource,
    error::LoadError,
    outcome::{Outcome, Parameters, Work},
    push,
    window::now,
};

/// The three ways to push a blob.
#[derive(Clone, Copy, Debug)]
enum Way {
    Monolithic,
    Chunked(u64),
    SinglePost,
}

/// Pushes by POST and PUT.
pub(super) async fn monolithic(setting: &Setting, push: &Push) -> Result<Outcome, LoadError> {
    let parameters = parameters([("size", push.size), ("repeats", push.repeats.into())]);
    let clients =
        Clients { way: Way::Monolithic, size: push.size, repeats: push.repeats, connections: 1 };
    clients.run(setting, "push-monolithic", parameters).await
}

/// Pushes by POST, PATCHes and PUT.
pub(super) async fn chunked(
    setting: &Setting,
    chunked: &PushChunked,
) -> Result<Outcome, LoadError> {
    let PushChunked { push, chunk } = chunked;
    let parameters =
        parameters([("size", push.size), ("repeats", push.repeats.into()), ("chunk", *chunk)]);
    let clients = Clients {
        way: Way::Chunked(*chunk),
        size: push.size,
        repeats: push.repeats,
        connections: 1,
    };
    clients.run(setting, "push-chunked", parameters).await
}

/// Pushes by one POST each.
pub(super) async fn single_post(setting: &Setting, push: &Push) -> Result<Outcome, LoadError> {
    let parameters = parameters([("size", push.size), ("repeats", push.repeats.into())]);
    let clients =
        Clients { way: Way::SinglePost, size: push.size, repeats: push.repeats, connections: 1 };
    clients.run(setting, "push-single-post", parameters).await
}

/// One push on each of many connections.
pub(super) async fn parallel(
    setting: &Setting,
    parallel: &ParallelPush,
) -> Result<Outcome, LoadError> {
    let ParallelPush { size, connections } = *parallel;
    let parameters = parameters([("size", size), ("connections", connections.into())]);
    let clients = Clients { way: Way::Monolithic, size, repeats: 1, connections };
    clients.run(setting, "parallel-push", parameters).await
}

/// Connections that push fresh blobs, each one after the other.
#[derive(Debug)]
struct Clients {
    way: Way,
    size: u64,
    repeats: u32,
    connections: u16,
}

impl Clients {
    async fn run(
        &self,
        setting: &Setting,
        scenario: &'static str,
        parameters: Parameters,
    ) -> Result<Outcome, LoadError> {
        let source = ContentSource::new(self.size);
        let connections = setting.connections(self.connections).await?;
        let window = setting.observer.start()?;
        let latencies = side_by_side(connections.into_iter().map(|connection| {
            pushes(connection, setting.repository.clone(), source.clone(), self.way, self.repeats)
        }))
        .await?;
        Ok(Outcome {
            scenario,
            parameters,
            work: Work::Bytes,
            bytes: source.size() * latencies.len() as u64,
            latencies,
            measured: window.finish()?,
        })
    }
}

async fn pushes(
    mut connection: Connection,
    repository: String,
    source: ContentSource,
    way: Way,
    repeats: u32,
) -> Result<Vec<Duration>, LoadError> {
    let mut latencies = Vec::new();
    for _ in 0..repeats {
        let content = source.fresh();
        let started = now();
        match way {
            Way::Monolithic => push::monolithic(&mut connection, &repository, &content).await?,
            Way::Chunked(chunk) => {
                push::chunked(&mut connection, &repository, &content, chunk).await?
            }
            Way::SinglePost => push::single_post(&mut connection, &repository, &content).await?,
        }
        latencies.push(started.elapsed());
    }
    Ok(latencies)
}
