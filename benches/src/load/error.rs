use std::{io, path::PathBuf, time::Duration};

use hyper::{Method, StatusCode};

/// Why a scenario could not be measured. Any unexpected answer ends it: a rate that contains
/// failures is no rate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The URL is not `http://host[:port][/prefix]`.
    #[error("`{url}` is not a URL like http://127.0.0.1:5000: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No connection to the registry.
    #[error("cannot connect to {address}")]
    Connect {
        /// Host and port.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke, or what came over it was not HTTP.
    #[error("{method} {path}")]
    Http {
        /// The request's method.
        method: Method,
        /// The request's path and query.
        path: String,
        /// What went wrong.
        source: hyper::Error,
    },
    /// The connection broke, or what came over it was not an answer with a length.
    #[error("{method} {path}")]
    Broken {
        /// The request's method.
        method: Method,
        /// The request's path and query.
        path: String,
        /// What went wrong.
        source: io::Error,
    },
    /// A connection broke outside of a request.
    #[error("the connection failed")]
    Connection(#[from] hyper::Error),
    /// A request could not be formed, for example out of an invalid `Location`.
    #[error("not a valid request")]
    Request(#[from] hyper::http::Error),
    /// The registry answered with another status than the specification names.
    #[error("{method} {path} answered {found}, expected {expected}: {body}")]
    Status {
        /// The request's method.
        method: Method,
        /// The request's path and query.
        path: String,
        /// What the scenario needs.
        expected: StatusCode,
        /// What came.
        found: StatusCode,
        /// The beginning of the answer's body.
        body: String,
    },
    /// An upload's answer had no usable `Location`.
    #[error("the answer to an upload request has no usable Location header")]
    Location,
    /// A body was shorter or longer than the blob.
    #[error("the body had {found} bytes, the blob has {expected}")]
    Length {
        /// The blob's size.
        expected: u64,
        /// The bytes that came.
        found: u64,
    },
    /// The scenario did not end in time.
    #[error("not done after {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The client's own runtime did not start.
    #[error("cannot start the client")]
    Runtime(#[source] io::Error),
    /// A client task panicked or was cancelled.
    #[error("a client task did not end")]
    Task(#[from] tokio::task::JoinError),
    /// `/proc/PID` could not be read: no such process, or not a Linux machine.
    #[error("cannot read process {pid}")]
    Process {
        /// The process that `--pid` names.
        pid: u32,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be read or written.
    #[error("{}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds no report.
    #[error("{} holds no report", path.display())]
    Report {
        /// Its path.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// Two reports of one scenario do not measure the same thing.
    #[error("reports of `{scenario}` were made with different parameters")]
    Parameters {
        /// The scenario.
        scenario: String,
    },
}
