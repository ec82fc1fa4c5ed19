//! What the binary can be told to do.

mod administer;
mod check;
mod damaged;
mod explain;
mod init;
mod key;
mod output;
mod policy;
mod repository;
mod serve;
mod table;
mod token;
mod upload;
mod user;

use std::{env, process::ExitCode};

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
        "init" => init::run(matches, &Config::of_store(matches, env::vars_os(), false)?)?,
        "key" => key::run(matches, &store(matches)?)?,
        "policy" => policy::run(matches)?,
        "repository" => repository::run(matches, &store(matches)?)?,
        "token" => token::run(matches, &store(matches)?)?,
        "upload" => upload::run(matches, &store(matches)?)?,
        "serve" => serve::run(&configuration(matches)?)?,
        "user" => user::run(matches, &store(matches)?)?,
        _ => unreachable!("{name} is no subcommand"),
    }
    Ok(ExitCode::SUCCESS)
}

fn configuration(matches: &ArgMatches) -> Result<Config, Failure> {
    Ok(Config::load(matches, env::vars_os())?)
}

/// The configuration of a command that is carried out on a store, from the arguments of the
/// innermost subcommand.
fn store(mut matches: &ArgMatches) -> Result<Config, Failure> {
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    Ok(Config::of_store(matches, env::vars_os(), false)?)
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
        .subcommands([
            serve,
            check,
            init::command(),
            user::command(),
            key::command(),
            token::command(),
            repository::command(),
            upload::command(),
            policy::command(),
            explain::command(),
        ])
}
