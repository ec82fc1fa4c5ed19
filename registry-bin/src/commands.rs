//! What the binary can be told to do.

mod check;
mod explain;
mod policy;
mod serve;

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
};

use clap::{ArgMatches, Command};

use crate::{
    config::{Config, flags},
    failure::Failure,
};

/// Does what the command line says. A command line that says nothing sensible ends the process
/// with code 2, and one that asks for help or the version with code 0.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let matches = command().get_matches();
    let Some((name, matches)) = matches.subcommand() else {
        unreachable!("a subcommand is required")
    };
    match name {
        "check" => check::run(&configuration(matches)?)?,
        "explain" => return explain::run(matches),
        "policy" => policy::run(matches)?,
        "serve" => serve::run(&configuration(matches)?)?,
        _ => unreachable!("{name} is no subcommand"),
    }
    Ok(ExitCode::SUCCESS)
}

fn configuration(matches: &ArgMatches) -> Result<Config, Failure> {
    Ok(Config::load(matches, env::vars_os())?)
}

/// Prints what a command was asked for.
fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever read it has seen enough.
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::System { what: "standard output", source: e })
        }
        _ => Ok(()),
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
        .subcommands([serve, check, policy::command(), explain::command()])
}
