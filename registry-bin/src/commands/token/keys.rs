//! `token keys`: what signs tokens.

use clap::{Arg, ArgMatches, Command as Clap};

use super::super::{
    administer::{administer, arguments, json, wants_json},
    output,
    table::table,
};
use crate::{
    admin::{Answer, Command, TokenKeyEntry},
    config::Config,
    failure::Failure,
};

const ID: &str = "id";

pub(super) fn command() -> Clap {
    let list = Clap::new("list").about("List the keys").arg(json()).args(arguments());
    let rotate = Clap::new("rotate")
        .about("Add a key, which signs in five minutes; the others are good for their last tokens")
        .args(arguments());
    let id = Arg::new(ID)
        .value_name("ID")
        .required(true)
        // Base64url has one.
        .allow_hyphen_values(true)
        .help("The key's id, as `token keys list` shows it");
    let retire = Clap::new("retire")
        .about("Refuse all tokens of a key from now on, as when it has leaked; rotate first")
        .arg(id)
        .args(arguments());
    Clap::new("keys")
        .about("Work on the keys that sign tokens")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([list, rotate, retire])
}

/// Has it done, and says so.
pub(super) fn run(matches: &ArgMatches, config: &Config) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("list", matches)) => {
            let Answer::TokenKeys(keys) = administer(config, Command::TokenKeyList)? else {
                return Err(Failure::Nonsense);
            };
            match wants_json(matches) {
                true => output::print_json(&keys),
                false => output::print(&listed(&keys)),
            }
        }
        Some(("rotate", _)) => {
            let Answer::AddedTokenKey(id) = administer(config, Command::TokenKeyRotate)? else {
                return Err(Failure::Nonsense);
            };
            output::say(
                "added a key, which signs in five minutes, or once those before are retired:",
            );
            output::print(&format!("{id}\n"))
        }
        Some(("retire", matches)) => {
            let id = matches.get_one::<String>(ID).expect("it is required").clone();
            let said = format!("retired key {id}: what it signed is refused");
            administer(config, Command::TokenKeyRetire { id })?;
            output::say(&said);
            Ok(())
        }
        _ => unreachable!("a subcommand is required"),
    }
}

fn listed(keys: &[TokenKeyEntry]) -> String {
    let row = |key: &TokenKeyEntry| {
        let published = key.published.clone().unwrap_or_else(|| "-".to_owned());
        [key.id.clone(), key.duty.clone(), published]
    };
    table(["ID", "DUTY", "PUBLISHED"], &keys.iter().map(row).collect::<Vec<_>>())
}
