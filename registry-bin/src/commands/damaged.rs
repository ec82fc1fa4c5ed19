//! Damaged records: a list names them, and they are removed by what they are named.

use std::{error::Error, str::FromStr};

use registry_core::record::RecordKey;

use super::{administer::administer, output};
use crate::{admin::Command, config::Config, failure::Failure};

/// What is to be removed.
#[derive(Clone, Debug)]
pub(super) enum Removed<T> {
    /// One by its name.
    Named(T),
    /// A record in the place of one, as a list names it: not every one has a name besides.
    Record(String),
}

/// Reads what is to be removed. Names have no `/`, which records have.
pub(super) fn removed<T>(
    records: &'static str,
) -> impl Fn(&str) -> Result<Removed<T>, Box<dyn Error + Send + Sync>> + Clone
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    move |text| match text.parse::<RecordKey>() {
        Ok(record) if text.starts_with(records) => Ok(Removed::Record(record.to_string())),
        _ => Ok(Removed::Named(text.parse()?)),
    }
}

/// Has a damaged record removed, and says so.
pub(super) fn remove(record: String, config: &Config) -> Result<(), Failure> {
    let done = format!("removed record {record}");
    administer(config, Command::RecordRemove { record })?;
    output::say(&done);
    Ok(())
}

/// Fails where there are any, with what is said of them and their names.
pub(super) fn report(corrupt: &[String], what: &str) -> Result<(), Failure> {
    if corrupt.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = corrupt.iter().map(|record| format!("\n    {record}")).collect();
    Err(Failure::Refused(format!("{what}:{}", lines.concat())))
}
