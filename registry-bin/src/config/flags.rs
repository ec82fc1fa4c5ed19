//! The command line as a source: one flag a setting.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, value_parser};

use super::{
    Layer, Row, TABLE,
    environment::CONFIG_FILE,
    row::{Given, Origin},
};

const CONFIG: &str = "config";

/// The arguments of every command that has a configuration.
pub(crate) fn arguments() -> impl Iterator<Item = Arg> {
    let file = Arg::new(CONFIG)
        .long(CONFIG)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help(format!("Read settings from this TOML file [environment: {CONFIG_FILE}]"));
    [file].into_iter().chain(TABLE.iter().map(argument))
}

/// The file that the command line names.
pub(crate) fn config_file(matches: &ArgMatches) -> Option<PathBuf> {
    matches.get_one::<PathBuf>(CONFIG).cloned()
}

/// What the command line says.
pub(crate) fn read(matches: &ArgMatches) -> Layer {
    let given = |row: &'static Row| {
        let text = matches.get_one::<String>(row.field)?.clone();
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
