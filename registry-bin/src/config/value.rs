//! What a setting's value can be.

use std::{
    fmt,
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use tracing_subscriber::filter::Targets;

use super::{
    ConfigError,
    quantity::{self, SIZES, SPANS},
};

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

    /// The same; where it says none, perhaps with more of an error than what it must be.
    fn read(text: &str) -> Result<Self, Option<ConfigError>> {
        Self::parse(text).ok_or(None)
    }

    /// What a text of the file means that lies in this directory: where it is a path, one that counts
    /// from there. `None` where that is no UTF-8.
    fn in_file(_directory: &Path, text: String) -> Option<String> {
        Some(text)
    }

    /// The value as the file has it.
    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}

/// A path that counts from a directory, unless it is none or absolute.
pub(super) fn count_from(directory: &Path, text: String) -> Option<String> {
    match Path::new(&text) {
        path if text.is_empty() || path.is_absolute() => Some(text),
        path => directory.join(path).into_os_string().into_string().ok(),
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

/// A number, also none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number(u32);

impl Number {
    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}

impl Value for Number {
    fn expected() -> String {
        "a number, 0 or more".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Integer(self.get().into())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A directory, by its absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn path(&self) -> &Path {
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

    fn in_file(directory: &Path, text: String) -> Option<String> {
        count_from(directory, text)
    }
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// A file by its absolute path, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OptionalFile(Option<PathBuf>);

impl OptionalFile {
    pub(crate) fn path(&self) -> Option<&Path> {
        self.0.as_deref()
    }
}

impl Value for OptionalFile {
    fn expected() -> String {
        "a path, or empty for none".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "" => Some(Self(None)),
            // Fails where the working directory is gone.
            path => std::path::absolute(path).ok().map(Some).map(Self),
        }
    }

    fn in_file(directory: &Path, text: String) -> Option<String> {
        count_from(directory, text)
    }
}

impl fmt::Display for OptionalFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_deref().unwrap_or("".as_ref()).display().fmt(f)
    }
}

/// Where the audit log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AuditTarget {
    None,
    Stdout,
    /// By its absolute path.
    File(PathBuf),
}

impl Value for AuditTarget {
    fn expected() -> String {
        "a path, - for standard output, or empty for none".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "" => Some(Self::None),
            "-" => Some(Self::Stdout),
            // Fails where the working directory is gone.
            path => std::path::absolute(path).ok().map(Self::File),
        }
    }

    fn in_file(directory: &Path, text: String) -> Option<String> {
        if text == "-" { Some(text) } else { count_from(directory, text) }
    }
}

impl fmt::Display for AuditTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Stdout => f.write_str("-"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// Ten thousand years still add to any clock.
const LONGEST: u64 = 3_650_000 * 86_400_000;

/// A span of time within bounds, in milliseconds; more than none where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span<const MIN: u64 = 1, const MAX: u64 = LONGEST>(u64);

impl<const MIN: u64, const MAX: u64> Span<MIN, MAX> {
    pub(crate) const fn get(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl<const MIN: u64, const MAX: u64> Value for Span<MIN, MAX> {
    fn expected() -> String {
        let [least, most] = [MIN, MAX].map(|bound| quantity::format(bound, SPANS));
        let bounds = match (MIN, MAX) {
            (1, LONGEST) => "longer than none".to_owned(),
            (_, LONGEST) => format!("at least {least}"),
            _ => format!("from {least} to {most}"),
        };
        format!("a time such as 500ms, 30s, 5m, 24h or 7d, {bounds}")
    }

    fn parse(text: &str) -> Option<Self> {
        quantity::parse(text, SPANS).filter(|millis| (MIN..=MAX).contains(millis)).map(Self)
    }
}

impl<const MIN: u64, const MAX: u64> fmt::Display for Span<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quantity::format(self.0, SPANS))
    }
}

/// A number of bytes within bounds, at least one where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size<const MIN: u64 = 1, const MAX: u64 = { u64::MAX }>(u64);

impl<const MIN: u64, const MAX: u64> Size<MIN, MAX> {
    pub(crate) const fn get(self) -> u64 {
        self.0
    }
}

impl<const MIN: u64, const MAX: u64> Value for Size<MIN, MAX> {
    fn expected() -> String {
        let bytes = "a number of bytes such as 4194304, 4MiB or 10GiB";
        let [least, most] = [MIN, MAX].map(|bound| quantity::format(bound, SIZES));
        match MAX {
            u64::MAX => format!("{bytes}, at least {least}"),
            _ => format!("{bytes}, from {least} to {most}"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        quantity::parse(text, SIZES).filter(|bytes| (MIN..=MAX).contains(bytes)).map(Self)
    }
}

impl<const MIN: u64, const MAX: u64> fmt::Display for Size<MIN, MAX> {
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
