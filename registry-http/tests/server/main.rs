//! The server over loopback: both protocols, its limits, and how it stops.
#![expect(clippy::disallowed_methods, reason = "a server over sockets runs in real time")]

mod downloads;
mod everybody;
mod floods;
mod limits;
mod origin;
mod protocols;
mod shutdown;
mod support;
#[cfg(feature = "tls")]
mod tls;
