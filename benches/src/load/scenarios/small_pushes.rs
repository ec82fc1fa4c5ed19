use std::time::{Duration, Instant};

use super::{Setting, parameters, side_by_side};
use crate::load::{
    arguments::SmallPushes,
    client::Connection,
    content::ContentSource,
    error::LoadError,
    outcome::{Outcome, Work},
    push,
    window::now,
};

/// Many clients that each push a fresh small blob, then a manifest that needs it, under a new tag:
/// three requests, of which two commit.
pub(super) async fn run(setting: &Setting, small: &SmallPushes) -> Result<Outcome, LoadError> {
    let source = ContentSource::new(small.size);
    let connections = setting.connections(small.connections).await?;
    let window = setting.observer.start()?;
    let deadline = now() + small.seconds;
    let latencies = side_by_side(connections.into_iter().map(|connection| {
        pushes(connection, setting.repository.clone(), source.clone(), deadline)
    }))
    .await?;
    Ok(Outcome {
        scenario: "small-pushes",
        parameters: parameters([
            ("size", source.size()),
            ("connections", small.connections.into()),
            ("seconds", small.seconds.as_secs()),
        ]),
        work: Work::Operations,
        bytes: source.size() * latencies.len() as u64,
        latencies,
        measured: window.finish()?,
    })
}

async fn pushes(
    mut connection: Connection,
    repository: String,
    source: ContentSource,
    deadline: Instant,
) -> Result<Vec<Duration>, LoadError> {
    let mut latencies = Vec::new();
    let mut started = now();
    while started < deadline {
        let content = source.fresh();
        push::monolithic(&mut connection, &repository, &content).await?;
        // A digest's hex is a valid tag, and as new as the content.
        let tag = content.digest().trim_start_matches("sha256:");
        push::tag(&mut connection, &repository, tag, push::manifest(&content, 0)).await?;
        let ended = now();
        latencies.push(ended - started);
        started = ended;
    }
    Ok(latencies)
}
