//! What can be wrong with a configuration, each in one sentence that says what to do.

use std::{fmt, io, path::PathBuf};

use super::row::Origin;
use crate::policy::PolicyError;

/// One thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("{key} is {shown} ({origin}), but must be {expected}")]
    Value { key: String, origin: Origin, shown: String, expected: String },
    #[error("{place}: there is no setting {key:?}; {}", hint(suggestion.as_deref()))]
    UnknownKey { key: String, place: Origin, suggestion: Option<String> },
    #[error("there is no setting for {name} in the environment; {}", hint(suggestion.as_deref()))]
    UnknownVariable { name: String, suggestion: Option<String> },
    #[error("{variable} in the environment is not valid UTF-8")]
    Unreadable { variable: String },
    #[error("{place}: {key} must be a string, a whole number or a boolean")]
    NotScalar { key: String, place: Origin },
    #[error(
        "{place}: {key} counts from a directory whose name is not valid UTF-8: say an absolute path"
    )]
    OddPlace { key: String, place: Origin },
    #[error("{} line {line}: {reason}", path.display())]
    Syntax { path: PathBuf, line: usize, reason: String },
    #[error("{} cannot be read: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(
        "other machines can reach {reached}, and whoever does may push and delete; say who may with \
         --accounts or --htpasswd FILE, or say --anonymous pull or --read-only, or listen on \
         127.0.0.1 without a proxy, or, if it is what you want, say \
         --allow-anonymous-writes-on-network"
    )]
    Exposed { reached: String },
    #[error("{given} is set ({origin}) but {missing} is not; HTTPS needs both, HTTP neither")]
    HalfOfTls { given: &'static str, origin: Origin, missing: &'static str },
    #[error(
        "token-key is set ({origin}) but public-url is not; servers that share a key and have no name \
         would take each other's tokens"
    )]
    NamelessTokens { origin: Origin },
    #[error(
        "other machines can reach {reached}, and {rule} of the policy lets whoever does write \
         without credentials; take that from the rule, or say --read-only, or listen on \
         127.0.0.1 without a proxy, or, if it is what you want, say \
         --allow-anonymous-writes-on-network"
    )]
    ExposedByRule { reached: String, rule: String },
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(
        || "`registry-bin serve --help` lists them all".to_owned(),
        |name| format!("did you mean {name}?"),
    )
}

/// Everything that is wrong, a sentence a line.
#[derive(Debug, Default)]
pub(crate) struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    pub(crate) fn push(&mut self, error: ConfigError) {
        self.0.push(error);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.iter().enumerate() {
            let newline = if i == 0 { "" } else { "\n" };
            write!(f, "{newline}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
