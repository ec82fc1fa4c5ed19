//! The configuration: one table of settings, three sources.
//!
//! To add a setting, add a row to the table in [`settings`]. Flags, environment, file, `check`,
//! help and errors follow from it; a test holds `docs/OPERATIONS.md` against it.
//!
//! A setting is what the command line says; where that is silent, what the environment says; then
//! what the file says; then its default.

mod choice;
mod environment;
mod error;
mod exposure;
mod file;
pub(crate) mod flags;
mod policy;
mod quantity;
mod row;
mod settings;
mod suggestion;
mod tls;
mod value;

use std::ffi::OsString;

use clap::ArgMatches;

pub(crate) use choice::{Durability, LogFormat, References, Store};
pub(crate) use error::{ConfigError, ConfigErrors};
pub(crate) use row::{Layer, Layers, Row};
pub(crate) use settings::{Config, TABLE};
pub(crate) use tls::TlsFiles;

impl Config {
    /// Reads all sources and parses what they say.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first of it.
    pub(crate) fn load(
        matches: &ArgMatches,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let environment = environment::read(environment, &mut errors);
        let path = flags::config_file(matches).or(environment.config_file);
        let file = path.map(|path| file::read(&path, &mut errors)).unwrap_or_default();
        let layers = Layers { flags: flags::read(matches), environment: environment.layer, file };
        let config = Self::resolve(&layers, &mut errors);
        match config {
            Some(config) if errors.is_empty() => {
                exposure::check(&config)?;
                config.tls_files()?;
                Ok(config)
            }
            _ => Err(errors),
        }
    }
}
