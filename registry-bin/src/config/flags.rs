//! The command line as a source: one flag a setting.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, value_parser};

use super::{
    Layer, Row, TABLE, USUAL,
    environment::CONFIG_FILE,
    row::{Given, Origin},
};

const CONFIG: &str = "config";

/// The arguments of every command that has a configuration.
pub(crate) fn arguments() -> impl Iterator<Item = Arg> {
    [file()].into_iter().chain(TABLE.iter().map(argument))
}

/// The arguments for the settings of these fields, and for the file that has the others.
pub(crate) fn some(fields: &'static [&'static str]) -> impl Iterator<Item = Arg> {
    let rows = TABLE.iter().filter(|row| fields.contains(&row.field));
    [file()].into_iter().chain(rows.map(argument))
}

fn file() -> Arg {
    let help = format!(
        "Read settings from this TOML file [default: {USUAL}, if it is there] [environment: \
         {CONFIG_FILE}]"
    );
    Arg::new(CONFIG).long(CONFIG).value_name("FILE").value_parser(value_parser!(PathBuf)).help(help)
}

/// The file that the command line names.
pub(crate) fn config_file(matches: &ArgMatches) -> Option<PathBuf> {
    matches.get_one::<PathBuf>(CONFIG).cloned()
}

/// What the command line says.
pub(crate) fn read(matches: &ArgMatches) -> Layer {
    let given = |row: &'static Row| {
        // A command may have the flags of some settings only.
        let text = matches.try_get_one::<String>(row.field).ok().flatten()?.clone();
        Some((row.field, Given { text, origin: Origin::Flag { name: row.key() } }))
    };
    TABLE.iter().filter_map(given).collect()
}

fn argument(row: &Row) -> Arg {
    let default = if row.default.is_empty() { "none" } else { row.default };
    let help = format!("{} [default: {default}] [environment: {}]", row.doc, row.variable());
    let argument = Arg::new(row.field).long(row.key()).value_name(row.placeholder).help(help);
    if row.switch {
        argument.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        argument
    }
}
