//! What is known of a setting before it has a value, and what the sources say of it.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use super::{ConfigError, ConfigErrors, value::Value};

/// What every variable of ours starts with.
pub(super) const PREFIX: &str = "REGISTRY_";

/// A row of the table of settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The name of the field that holds its value, the other names' origin.
    pub(crate) field: &'static str,
    /// What stands for its value in the help.
    pub(crate) placeholder: &'static str,
    /// Its value where no source says anything.
    pub(crate) default: &'static str,
    /// What it is good for.
    pub(crate) doc: &'static str,
    /// Whether its flag alone says `true`.
    pub(crate) switch: bool,
    /// What a text of the file means that lies in this directory; `None` where that is no UTF-8.
    pub(super) in_file: fn(&Path, String) -> Option<String>,
}

impl Row {
    /// Its key in the file and, after two dashes, on the command line.
    pub(crate) fn key(&self) -> String {
        self.field.replace('_', "-")
    }

    /// Its environment variable.
    pub(crate) fn variable(&self) -> String {
        format!("{}{}", PREFIX, self.field.to_uppercase())
    }
}

/// What one source says, by the fields' names.
pub(crate) type Layer = BTreeMap<&'static str, Given>;

/// A text that a source gives for a setting.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Environment { variable: String },
    Flag { name: String },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Environment { variable } => f.write_str(variable),
            Self::Flag { name } => write!(f, "--{name}"),
        }
    }
}

/// What the sources say, the first over the second over the third.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    pub(crate) flags: Layer,
    pub(crate) environment: Layer,
    pub(crate) file: Layer,
}

impl Layers {
    /// The value of a setting, or `None` after an error was noted.
    pub(crate) fn value<T: Value>(
        &self,
        row: &Row,
        errors: &mut ConfigErrors,
    ) -> Option<Setting<T>> {
        let layers = [&self.flags, &self.environment, &self.file];
        let given = layers.iter().find_map(|layer| layer.get(row.field)).cloned();
        let Given { text, origin } = given
            .unwrap_or_else(|| Given { text: row.default.to_owned(), origin: Origin::Default });
        match T::read(&text) {
            Ok(value) => Some(Setting { value, origin }),
            Err(error) => {
                errors.push(error.unwrap_or_else(|| {
                    let shown = if T::SECRET { "(hidden)".to_owned() } else { format!("{text:?}") };
                    let expected = T::expected();
                    ConfigError::Value { key: row.key(), origin, shown, expected }
                }));
                None
            }
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}
