//! What a setting's value can be.

use std::{fmt, net::SocketAddr, num::NonZeroU32, path::PathBuf, str::FromStr, time::Duration};

use tracing_subscriber::filter::Targets;

use super::quantity::{self, SIZES, SPANS};

/// A type that a text of a source parses into, and that cannot be wrong once parsed.
///
/// Its display parses back into it. That of a secret does not: it hides it.
pub(crate) trait Value: fmt::Display + Sized {
    /// Whether its flag may stand alone.
    const SWITCH: bool = false;
    /// Whether errors must not quote it.
    const SECRET: bool = false;

    /// What a text must be, to complete a sentence.
    fn expected() -> String;

    /// The value that a text says, if it says one.
    fn parse(text: &str) -> Option<Self>;

    /// The value as the file has it.
    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}

impl Value for bool {
    const SWITCH: Self = true;

    fn expected() -> String {
        "true or false".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Boolean(*self)
    }
}

impl Value for SocketAddr {
    fn expected() -> String {
        "an IP address and a port, such as 127.0.0.1:5000 or [::1]:5000".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A number of things, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(NonZeroU32);

impl Count {
    pub(crate) const fn get(self) -> u32 {
        self.0.get()
    }
}

impl Value for Count {
    fn expected() -> String {
        "a number, at least 1".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Integer(self.get().into())
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A directory, by its absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Value for Directory {
    fn expected() -> String {
        "a path".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        // Fails where the text is empty or the working directory is gone.
        std::path::absolute(text).ok().map(Self)
    }
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// A span of time, longer than none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(u64);

impl Span {
    pub(crate) const fn get(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl Value for Span {
    fn expected() -> String {
        "a time such as 500ms, 30s, 5m, 24h or 7d, longer than none".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        // Ten thousand years still add to any clock.
        const LONGEST: u64 = 3_650_000 * 86_400_000;
        quantity::parse(text, SPANS).filter(|millis| (1..=LONGEST).contains(millis)).map(Self)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quantity::format(self.0, SPANS))
    }
}

/// A number of bytes, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(u64);

impl Size {
    pub(crate) const fn get(self) -> u64 {
        self.0
    }
}

impl Value for Size {
    fn expected() -> String {
        "a number of bytes such as 4194304, 4MiB or 10GiB, at least 1".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        quantity::parse(text, SIZES).filter(|bytes| *bytes > 0).map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quantity::format(self.0, SIZES))
    }
}

/// What is logged: a level, or levels by module.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogLevel(Targets);

impl LogLevel {
    pub(crate) fn targets(&self) -> Targets {
        self.0.clone()
    }
}

impl Value for LogLevel {
    fn expected() -> String {
        "off, error, warn, info, debug or trace, or levels by module such as \
         info,registry_http=debug"
            .to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        Targets::from_str(text).ok().filter(|_| !text.trim().is_empty()).map(Self)
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
