//! A command's end of the socket.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

use super::{ControlError, LONGEST_REPLY, SocketPath};

/// How long a server may take: a password is hashed in much less, and a disk may be slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks the server that listens there; `None` where none does.
///
/// # Errors
/// When it does not answer. What was asked for may have been done.
pub(crate) fn ask<Q: Serialize, A: DeserializeOwned>(
    path: &SocketPath,
    request: &Q,
) -> Result<Option<A>, ControlError> {
    let Some(stream) = path.connect()? else { return Ok(None) };
    let mut line = serde_json::to_vec(request).expect("a request is made of strings");
    line.push(b'\n');
    let reply = exchange(stream, &line).map_err(|source| ControlError::System {
        what: "talk to the server at",
        path: path.path().to_owned(),
        source,
    })?;
    match serde_json::from_slice(&reply) {
        Ok(answer) => Ok(Some(answer)),
        Err(_) => Err(ControlError::Nonsense { path: path.path().to_owned() }),
    }
}

fn exchange(mut stream: UnixStream, line: &[u8]) -> io::Result<Vec<u8>> {
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(line)?;
    stream.shutdown(Shutdown::Write)?;
    let mut reply = Vec::new();
    BufReader::new(stream.take(LONGEST_REPLY)).read_until(b'\n', &mut reply)?;
    Ok(reply)
}
