use std::time::{Duration, Instant};

use hyper::Method;

use super::{Setting, parameters, side_by_side};
use crate::load::{
    arguments::Manifest,
    client::Connection,
    content::ContentSource,
    error::LoadError,
    outcome::{Outcome, Work},
    push,
    reader::Reader,
    window::now,
};

/// GETs or HEADs of one manifest by tag, as fast as the connections allow.
pub(super) async fn run(
    setting: &Setting,
    manifest: &Manifest,
    method: Method,
) -> Result<Outcome, LoadError> {
    let tag = format!("load-{}", manifest.size);
    let path = setting.target.path(&setting.repository, &format!("manifests/{tag}"));
    let mut connection = Connection::open(&setting.target).await?;
    if !connection.exists(&path).await? {
        let blob = ContentSource::new(4096).fixed();
        push::monolithic(&mut connection, &setting.repository, &blob).await?;
        let bytes = push::manifest(&blob, manifest.size as usize);
        push::tag(&mut connection, &setting.repository, &tag, bytes).await?;
    }
    let run = async |seconds| {
        let readers = setting.readers(manifest.connections, &method, &path).await?;
        let window = setting.observer.start()?;
        let deadline = now() + seconds;
        let clients = readers.into_iter().map(|reader| reads(reader, deadline));
        Ok::<_, LoadError>((side_by_side(clients).await?, window.finish()?))
    };
    let _warm_up = run(manifest.seconds / 10).await?;
    let (latencies, measured) = run(manifest.seconds).await?;
    Ok(Outcome {
        scenario: if method == Method::HEAD { "manifest-head" } else { "manifest-get" },
        parameters: parameters([
            ("size", manifest.size),
            ("connections", manifest.connections.into()),
            ("seconds", manifest.seconds.as_secs()),
        ]),
        work: Work::Operations,
        bytes: 0,
        latencies,
        measured,
    })
}

async fn reads(mut reader: Reader, deadline: Instant) -> Result<Vec<Duration>, LoadError> {
    let mut latencies = Vec::new();
    let mut started = now();
    while started < deadline {
        reader.read().await?;
        let ended = now();
        latencies.push(ended - started);
        started = ended;
    }
    Ok(latencies)
}
