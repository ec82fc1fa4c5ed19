//! The rows that another registry is known to fail, each with the reason that was measured.

use std::{collections::BTreeMap, path::Path};

use crate::failure::{Failure, Outcome};

/// A list of rows that fail. Rows it does not name must pass, rows it names must fail.
#[derive(Debug, Default)]
pub(crate) struct Pinned {
    fails: BTreeMap<String, String>,
}

impl Pinned {
    /// Reads a TOML file with one table `fails`: a row's name, and why it fails.
    pub(crate) fn load(path: &Path) -> Outcome<Self> {
        let read = || -> Outcome<Self> {
            let mut file: BTreeMap<String, BTreeMap<String, String>> =
                toml::from_str(&std::fs::read_to_string(path)?)?;
            let fails = file.remove("fails").ok_or_else(|| Failure::new("no table [fails]"))?;
            Ok(Self { fails })
        };
        read().map_err(|failure| failure.during(path.display()))
    }

    /// Turns a row's outcome into whether it is as pinned.
    pub(crate) fn judge(&self, row: &str, outcome: Outcome) -> Outcome {
        match (self.fails.get(row), outcome) {
            (None, outcome) => outcome,
            (Some(_), Err(_)) => Ok(()),
            (Some(why), Ok(())) => {
                Err(Failure::new(format!("this row passes, but is pinned as failing: {why}")))
            }
        }
    }

    /// The pinned names that no row has.
    pub(crate) fn unknown<'p>(&'p self, rows: &[String]) -> Vec<&'p str> {
        let known = |name: &&String| rows.contains(name);
        self.fails.keys().filter(|name| !known(name)).map(String::as_str).collect()
    }
}
