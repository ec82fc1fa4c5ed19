use std::time::Duration;

use hyper::Method;

use super::{Setting, parameters, side_by_side};
use crate::load::{
    arguments::Pull,
    client::Connection,
    content::ContentSource,
    error::LoadError,
    outcome::{Outcome, Work},
    push,
    reader::Reader,
    window::now,
};

/// GETs of one large blob. The first pull of each connection is not counted: it fills the page
/// cache and opens the connection's window.
pub(super) async fn run(setting: &Setting, pull: &Pull) -> Result<Outcome, LoadError> {
    let content = ContentSource::new(pull.size).fixed();
    let path = setting.target.path(&setting.repository, &format!("blobs/{}", content.digest()));
    let mut connection = Connection::open(&setting.target).await?;
    if !connection.exists(&path).await? {
        push::monolithic(&mut connection, &setting.repository, &content).await?;
    }
    let mut readers = setting.readers(pull.connections, &Method::GET, &path).await?;
    for reader in &mut readers {
        get(reader, content.size()).await?;
    }
    let window = setting.observer.start()?;
    let clients = readers.into_iter().map(|reader| pulls(reader, content.size(), pull.repeats));
    let latencies = side_by_side(clients).await?;
    Ok(Outcome {
        scenario: "pull",
        parameters: parameters([
            ("size", content.size()),
            ("repeats", pull.repeats.into()),
            ("connections", pull.connections.into()),
        ]),
        work: Work::Bytes,
        bytes: content.size() * latencies.len() as u64,
        latencies,
        measured: window.finish()?,
    })
}

async fn pulls(mut reader: Reader, size: u64, repeats: u32) -> Result<Vec<Duration>, LoadError> {
    let mut latencies = Vec::new();
    for _ in 0..repeats {
        let started = now();
        get(&mut reader, size).await?;
        latencies.push(started.elapsed());
    }
    Ok(latencies)
}

async fn get(reader: &mut Reader, expected: u64) -> Result<(), LoadError> {
    let found = reader.read().await?;
    if found == expected { Ok(()) } else { Err(LoadError::Length { expected, found }) }
}
