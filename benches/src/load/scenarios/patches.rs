use super::{Setting, parameters};
use crate::load::{
    arguments::Patches,
    client::Connection,
    content::{ContentSource, Payload},
    error::LoadError,
    outcome::{Outcome, Work},
    push,
    window::now,
};

/// One upload in very many chunks. Its latencies stay in order, so that the report can tell the
/// first thousand from the last.
pub(super) async fn run(setting: &Setting, patches: &Patches) -> Result<Outcome, LoadError> {
    let count = u64::from(patches.count);
    let content = ContentSource::new(count * patches.chunk).fresh();
    let mut connection = Connection::open(&setting.target).await?;
    let mut location = push::start(&mut connection, &setting.repository).await?;
    let mut latencies = Vec::new();
    let window = setting.observer.start()?;
    for index in 0..count {
        let started = now();
        let (offset, end) = (index * patches.chunk, (index + 1) * patches.chunk);
        location = push::patch(&mut connection, &location, &content, offset, end).await?;
        latencies.push(started.elapsed());
    }
    let measured = window.finish()?;
    push::close(&mut connection, &location, &content, Payload::EMPTY).await?;
    Ok(Outcome {
        scenario: "patches",
        parameters: parameters([("count", count), ("chunk", patches.chunk)]),
        work: Work::Operations,
        bytes: count * patches.chunk,
        latencies,
        measured,
    })
}
