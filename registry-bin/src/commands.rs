//! What the binary can be told to do.

mod check;
mod serve;

use std::env;

use clap::Command;

use crate::{
    config::{Config, flags},
    failure::Failure,
};

/// Does what the command line says. A command line that says nothing sensible ends the process
/// with code 2, and one that asks for help or the version with code 0.
pub(crate) fn run() -> Result<(), Failure> {
    let matches = command().get_matches();
    let Some((name, matches)) = matches.subcommand() else {
        unreachable!("a subcommand is required")
    };
    let config = Config::load(matches, env::vars_os())?;
    match name {
        "check" => check::run(&config),
        "serve" => serve::run(&config),
        _ => unreachable!("{name} is no subcommand"),
    }
}

fn command() -> Command {
    let serve = Command::new("serve").about("Run the registry").args(flags::arguments());
    let check = Command::new("check")
        .about("Check the configuration and show it, each value with where it came from")
        .args(flags::arguments());
    Command::new("registry-bin")
        .about("An OCI registry")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([serve, check])
}
