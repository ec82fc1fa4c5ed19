//! The control socket: how a command reaches the server that has the store open.
//!
//! A line of JSON goes each way, then the connection ends. The socket is a file in the data
//! directory that only the server's own user, and root, can open; who connects, and to whom, is
//! looked at again.

mod client;
mod server;
mod socket;

use std::{io, path::PathBuf};

pub(crate) use self::{
    client::ask,
    server::{Operator, serve},
    socket::{Socket, SocketPath},
};

/// The longest request, which has a password and a few names.
const LONGEST_REQUEST: u64 = 64 * 1024;
/// The longest reply, which may list every key that there is.
const LONGEST_REPLY: u64 = 64 * 1024 * 1024;

/// Why the socket cannot be used, in one sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    #[error(
        "the path of the control socket, {}, has {length} bytes, but a socket's path can have no \
         more than {most}: choose a shorter --data", path.display()
    )]
    TooLong { path: PathBuf, length: usize, most: usize },
    #[error("another server answers at {}", path.display())]
    InUse { path: PathBuf },
    #[error(
        "a program of user {peer} of the system answers at {}, in a directory of user {owner}: it is \
         told nothing", path.display()
    )]
    Impostor { path: PathBuf, peer: u32, owner: u32 },
    #[error("{} is in the way of the control socket, and is none", path.display())]
    Foreign { path: PathBuf },
    #[error(
        "{} cannot be kept from others: its file system gives it the mode {mode:o}", path.display()
    )]
    Open { path: PathBuf, mode: u32 },
    #[error("cannot {what} the control socket {}: {source}", path.display())]
    System { what: &'static str, path: PathBuf, source: io::Error },
    #[error("the server at {} does not answer as a server does", path.display())]
    Nonsense { path: PathBuf },
}
