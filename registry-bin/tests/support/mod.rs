//! What the tests that run the real binary share: processes, the server, and a plain HTTP client.

pub(crate) mod daemon;
pub(crate) mod http;
pub(crate) mod server;
