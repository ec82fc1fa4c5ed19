//! The log, on standard error.

mod json;
mod output;

use std::io::{self, IsTerminal};

use tracing_subscriber::{Layer, Registry, fmt, layer::SubscriberExt};

use self::{json::Json, output::Output};
use crate::config::{Config, LogFormat};

pub(crate) use output::flush;

/// Who reads the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Somebody.
    Person,
    /// A program: one JSON object a line.
    Program,
}

/// Starts the log. What was logged before is lost.
pub(crate) fn start(config: &Config) -> Reader {
    let terminal = io::stderr().is_terminal();
    let reader = match config.log_format.value {
        LogFormat::Human => Reader::Person,
        LogFormat::Auto if terminal => Reader::Person,
        LogFormat::Auto | LogFormat::Json => Reader::Program,
    };
    // A log that cannot be written must not stop a registry that can serve.
    let layer = fmt::layer().with_writer(Output::start()).log_internal_errors(false);
    let layer = match reader {
        Reader::Person => layer.with_ansi(terminal).compact().boxed(),
        Reader::Program => layer.event_format(Json).boxed(),
    };
    let subscriber = Registry::default().with(layer.with_filter(config.log_level.value.targets()));
    // Fails only where a log was started before.
    let _ = tracing::subscriber::set_global_default(subscriber);
    reader
}
