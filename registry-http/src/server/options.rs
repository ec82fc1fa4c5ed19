//! The limits of a server.

use std::time::Duration;

#[cfg(feature = "tls")]
use super::Tls;
use crate::budget::PIECE;

/// What [`serve`](crate::serve) lets its clients do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerOptions {
    /// The most connections at once; who comes later waits in the kernel's queue. Default: 4096.
    pub max_connections: usize,
    /// The longest time for a client to send the head of a request, also between two requests; and
    /// for the handshake before the first one over TLS. Default: 30 seconds.
    pub header_timeout: Duration,
    /// The largest head of a request in bytes, beyond which the reply is 431. Default: 32 KiB.
    pub max_header_size: u32,
    /// The longest time in which a client takes no byte of a reply; about, up to twice as long
    /// under way. Default: 60 seconds.
    pub send_timeout: Duration,
    /// The largest piece in bytes in which the body of a request is read over HTTP/1.1: 8 KiB at
    /// least, and not less than [`ServerOptions::max_header_size`]. Smaller pieces cost more
    /// processor time; an upload that comes fast holds three or four of them. Default: 256 KiB.
    pub read_size: usize,
    /// The most requests at once on one HTTP/2 connection. Default: 100.
    pub max_concurrent_streams: u32,
    /// How long the server waits for requests under way when it stops. Default: 30 seconds.
    pub drain_limit: Duration,
    /// Serves over TLS alone, with this certificate. Default: `None`.
    #[cfg(feature = "tls")]
    pub tls: Option<Tls>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            header_timeout: Duration::from_secs(30),
            max_header_size: 32 * 1024,
            send_timeout: Duration::from_secs(60),
            read_size: PIECE,
            max_concurrent_streams: 100,
            drain_limit: Duration::from_secs(30),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}
