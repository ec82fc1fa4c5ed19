//! `token`: what clients get for their credentials.

mod keys;

use clap::{Arg, ArgAction, ArgMatches, Command as Clap, value_parser};
use registry_adapters::accounts::UserName;

use super::{
    administer::{administer, arguments},
    output,
};
use crate::{
    admin::{Answer, Command},
    config::Config,
    failure::Failure,
};

const USER: &str = "user";
const SCOPE: &str = "scope";

pub(super) fn command() -> Clap {
    let user = Arg::new(USER)
        .long(USER)
        .value_name("NAME")
        .value_parser(value_parser!(UserName))
        .required(true)
        .help("Whose token it is");
    let scope = Arg::new(SCOPE)
        .long(SCOPE)
        .value_name("SCOPE")
        .action(ArgAction::Append)
        .help("What it is to carry, such as repository:team/app:pull,push; can be repeated");
    let mint = Clap::new("mint")
        .about("Print a token as a user would get it, of what the policy lets them, for debugging")
        .args([user, scope])
        .args(arguments());
    Clap::new("token")
        .about("Work on tokens")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([mint, keys::command()])
}

/// Has it done, and says so.
pub(super) fn run(matches: &ArgMatches, config: &Config) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("mint", matches)) => mint(matches, config),
        Some(("keys", matches)) => keys::run(matches, config),
        _ => unreachable!("a subcommand is required"),
    }
}

fn mint(matches: &ArgMatches, config: &Config) -> Result<(), Failure> {
    let user = matches.get_one::<UserName>(USER).expect("it is required").clone();
    let scopes: Vec<_> = matches.get_many::<String>(SCOPE).unwrap_or_default().cloned().collect();
    let command = Command::TokenMint { user, scope: scopes.join(" ") };
    let Answer::Token { token, scope, seconds } = administer(config, command)? else {
        return Err(Failure::Nonsense);
    };
    let carries = if scope.is_empty() { "nothing" } else { &scope };
    output::say(&format!("a token that carries {carries}, good for {seconds} seconds:"));
    output::print(&format!("{}\n", token.expose()))
}
