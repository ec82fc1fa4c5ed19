//! `policy check`: shows the rules of a file as they are understood.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};

use super::output;
use crate::failure::Failure;

const FILE: &str = "file";

pub(super) fn command() -> Command {
    let file = Arg::new(FILE)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .required(true)
        .help("The TOML file that --policy would name");
    let check = Command::new("check")
        .about("Check a file of rules and show them as they are understood, each with its number")
        .arg(file);
    Command::new("policy")
        .about("Work on the rules that say who may do what")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(check)
}

/// Prints the rules, which is a file that says the same.
pub(super) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let Some(("check", matches)) = matches.subcommand() else {
        unreachable!("a subcommand is required")
    };
    let path = matches.get_one::<PathBuf>(FILE).expect("it is required");
    let policy = crate::policy::read(path)?;
    output::print(&crate::policy::render(&policy))
}
