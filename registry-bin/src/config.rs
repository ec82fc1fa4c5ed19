//! The configuration: one table of settings, three sources.
//!
//! To add a setting, add a row to the table in [`settings`]. Flags, environment, file, `check`,
//! help and errors follow from it; a test holds `docs/OPERATIONS.md` against it.
//!
//! A setting is what the command line says; where that is silent, what the environment says; then
//! what the file says; then its default. Where no file is named it is [`USUAL`] in the working
//! directory, if that is there.

mod choice;
mod credentials;
mod environment;
mod error;
mod exposure;
mod file;
pub(crate) mod flags;
mod network;
mod policy;
mod quantity;
mod row;
mod settings;
mod suggestion;
mod tls;
mod value;

use std::{ffi::OsString, path::Path, time::Duration};

use clap::ArgMatches;

pub(crate) use choice::{
    Anonymous, Challenge, Durability, LogFormat, References, Store, Visibility,
};
pub(crate) use credentials::CredentialKinds;
pub(crate) use error::{ConfigError, ConfigErrors};
pub(crate) use exposure::check_policy;
pub(crate) use policy::Policy;
pub(crate) use row::{Layer, Layers, Row, Setting};
pub(crate) use settings::{Config, TABLE};
pub(crate) use tls::TlsFiles;
pub(crate) use value::{AuditTarget, Number, Value};

/// The file that is read where none is named.
pub(crate) const USUAL: &str = "registry.toml";

/// A span of time as settings have it, for the arguments of commands.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    <value::Span as Value>::parse(text)
        .map(value::Span::get)
        .ok_or_else(|| format!("it must be {}", <value::Span as Value>::expected()))
}

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
        let layers = Self::layers(matches, environment, &mut errors);
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

    /// The same for a command that works on the store alone. Without the policy it does not mind
    /// what is wrong in that: whoever has to be disabled in a hurry does not wait for it.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first of it.
    pub(crate) fn of_store(
        matches: &ArgMatches,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        with_policy: bool,
    ) -> Result<Self, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let mut layers = Self::layers(matches, environment, &mut errors);
        if !with_policy {
            for layer in [&mut layers.flags, &mut layers.environment, &mut layers.file] {
                layer.remove("policy");
            }
        }
        let config = Self::resolve(&layers, &mut errors);
        config.filter(|_| errors.is_empty()).ok_or(errors)
    }

    fn layers(
        matches: &ArgMatches,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        errors: &mut ConfigErrors,
    ) -> Layers {
        let environment = environment::read(environment, errors);
        let named = flags::config_file(matches).or(environment.config_file);
        // What `init` writes is found by who starts the server next to it.
        let usual = || Some(Path::new(USUAL).to_owned()).filter(|path| path.exists());
        let file = named.or_else(usual).map(|path| file::read(&path, errors)).unwrap_or_default();
        Layers { flags: flags::read(matches), environment: environment.layer, file }
    }
}
