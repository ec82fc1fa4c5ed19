//! The setting that names the file of rules, with what is in it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use registry_core::{
    identity::Principal,
    policy::{Numbered, Permission, PolicyFile},
};

use super::{
    ConfigError,
    value::{Value, count_from},
};
use crate::policy;

/// Who may do what. The file is read once, so that what is checked is what is served.
#[derive(Clone, Debug)]
pub(crate) struct Policy(Option<(PathBuf, PolicyFile)>);

/// What lets strangers write.
#[derive(Debug)]
pub(crate) enum Opening<'a> {
    /// There are no rules.
    NoRules,
    /// A rule does.
    Rule(Numbered<'a>),
}

impl Policy {
    /// What is in this file.
    pub(crate) const fn new(path: PathBuf, policy: PolicyFile) -> Self {
        Self(Some((path, policy)))
    }

    /// The file, and what was in it.
    pub(crate) fn file(&self) -> Option<(&Path, &PolicyFile)> {
        self.0.as_ref().map(|(path, policy)| (path.as_path(), policy))
    }

    /// Whether there is a file of rules.
    pub(crate) const fn has_rules(&self) -> bool {
        self.0.is_some()
    }

    /// What lets whoever has no credentials change anything at all, if something does.
    pub(crate) fn opens_to_anonymous_writes(&self) -> Option<Opening<'_>> {
        let Some((_, policy)) = &self.0 else { return Some(Opening::NoRules) };
        let mut writes = Permission::ALL.into_iter().filter(|permission| permission.is_write());
        let rule =
            writes.find_map(|write| policy.allowing_somewhere(&Principal::anonymous(), write));
        rule.map(Opening::Rule)
    }
}

impl Value for Policy {
    fn expected() -> String {
        "the path of a file of rules, or empty for none".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::read(text).ok()
    }

    fn read(text: &str) -> Result<Self, Option<ConfigError>> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        // Fails where the working directory is gone.
        let path = std::path::absolute(text).map_err(|_| None)?;
        let rules = policy::read(text.as_ref()).map_err(|error| Some(error.into()))?;
        Ok(Self(Some((path, rules))))
    }

    fn in_file(directory: &Path, text: String) -> Option<String> {
        count_from(directory, text)
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |(path, _)| path.display().fmt(f))
    }
}
