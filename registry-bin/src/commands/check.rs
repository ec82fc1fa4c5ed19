//! `check`: shows what `serve` would run with.

use super::output;
use crate::{
    config::{Config, Store},
    directory,
    failure::Failure,
    wiring,
};

/// Prints the effective configuration, which is a configuration file that says the same.
pub(crate) fn run(config: &Config) -> Result<(), Failure> {
    // Reads the certificate, the users and the key of tokens too.
    wiring::server_options(config)?;
    wiring::check(config)?;
    // A store in memory keeps nothing there but the socket of commands.
    if config.store.value == Store::Filesystem || config.accounts.value {
        directory::check(config.data.value.path())?;
    }
    output::print(&render(config))
}

fn render(config: &Config) -> String {
    let lines: Vec<_> = config
        .effective()
        .map(|(row, value, origin)| (format!("{} = {value}", row.key()), origin))
        .collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0);
    lines.iter().map(|(line, origin)| format!("{line:width$}  # {origin}\n")).collect()
}
