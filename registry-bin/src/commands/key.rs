//! `key`: what programs log in with.

use std::time::Duration;

use clap::{Arg, ArgGroup, ArgMatches, Command as Clap, value_parser};
use registry_adapters::accounts::{KeyId, KeyOwner, UserName};
use registry_core::name::RepositoryName;

use super::{
    administer::{administer, arguments, json, wants_json},
    damaged::{self, Removed},
    output,
    table::table,
};
use crate::{
    admin::{Answer, Command, KEY_RECORDS, KeyEntry},
    config::{self, Config},
    failure::Failure,
};

const USER: &str = "user";
const PROJECT: &str = "project";
const RUNNER: &str = "runner";
const EXPIRES: &str = "expires";
const DESCRIPTION: &str = "description";
const ID: &str = "id";

/// How long a runner's token is good where nothing is said.
const RUN: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn command() -> Clap {
    let expires =
        Arg::new(EXPIRES).long(EXPIRES).value_name("TIME").value_parser(config::parse_span).help(
            "Let it be good for so long, such as 90d; without it for ever, a runner's token 1d, \
             which is the longest for one",
        );
    let description = Arg::new(DESCRIPTION)
        .long(DESCRIPTION)
        .value_name("TEXT")
        .default_value("")
        .help("What it is for");
    let create = Clap::new("create")
        .about("Make a key, and print it this once")
        .args(owner())
        .group(ArgGroup::new("owner").args([USER, PROJECT, RUNNER]).required(true))
        .args([expires, description, json()])
        .args(arguments());
    let list = Clap::new("list")
        .about("List the keys")
        .args(owner())
        .group(ArgGroup::new("owner").args([USER, PROJECT, RUNNER]))
        .arg(json())
        .args(arguments());
    let id = Arg::new(ID)
        .value_name("ID")
        .value_parser(damaged::removed::<KeyId>(KEY_RECORDS))
        .required(true)
        .help("The key's id, as `key list` shows it, or a damaged record, which is removed");
    let revoke = Clap::new("revoke").about("Refuse a key from now on").arg(id).args(arguments());
    Clap::new("key")
        .about("Work on the keys that are kept in the store (see --accounts)")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([create, list, revoke])
}

/// Has it done, and says so.
pub(super) fn run(matches: &ArgMatches, config: &Config) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("create", matches)) => create(matches, config),
        Some(("list", matches)) => list(matches, config),
        Some(("revoke", matches)) => {
            let id = match matches.get_one(ID).cloned().expect("it is required") {
                Removed::Record(record) => return damaged::remove(record, config),
                Removed::Named(id) => id,
            };
            administer(config, Command::KeyRevoke { id })?;
            output::say(&format!("revoked key {id}"));
            Ok(())
        }
        _ => unreachable!("a subcommand is required"),
    }
}

fn create(matches: &ArgMatches, config: &Config) -> Result<(), Failure> {
    let owner = given_owner(matches).expect("one is required");
    let description = matches.get_one::<String>(DESCRIPTION).cloned().unwrap_or_default();
    let shortest = matches!(owner, KeyOwner::Runner(_)).then_some(RUN);
    let good_for = matches.get_one::<Duration>(EXPIRES).copied().or(shortest);
    let command = Command::KeyCreate { owner, description, good_for };
    let Answer::CreatedKey { entry, key } = administer(config, command)? else {
        return Err(Failure::Nonsense);
    };
    let instead = format!("`registry-bin key revoke {}`, and make another", entry.id);
    if wants_json(matches) {
        let text = output::to_json(&Answer::CreatedKey { entry, key });
        return output::print_once(&text, &instead);
    }
    let until = entry.expires.as_ref().map_or("for ever".to_owned(), |at| format!("until {at}"));
    let login = match &entry.owner {
        KeyOwner::User(name) => name.to_string(),
        KeyOwner::Project(name) => format!("{name} or {}", entry.owner_id),
        _ => "runner, or any other".to_owned(),
    };
    output::say(&format!(
        "made key {} of {}, good {until}; log in with it as the password, and the user name {login}\n\
         the key is shown this once:",
        entry.id, entry.owner
    ));
    output::print_once(&format!("{}\n", key.expose()), &instead)
}

/// Prints those that can be read, and fails where there are others.
fn list(matches: &ArgMatches, config: &Config) -> Result<(), Failure> {
    let command = Command::KeyList { owner: given_owner(matches) };
    let Answer::Keys { keys, corrupt } = administer(config, command)? else {
        return Err(Failure::Nonsense);
    };
    match wants_json(matches) {
        true => output::print_json(&keys)?,
        false => output::print(&listed(&keys))?,
    }
    damaged::report(
        &corrupt,
        "these records are damaged, and whoever shows their keys is not let in; `registry-bin key revoke \
         RECORD` deletes one",
    )
}

fn owner() -> [Arg; 3] {
    let user = Arg::new(USER)
        .long(USER)
        .value_name("NAME")
        .value_parser(value_parser!(UserName))
        .help("Of this user, for everything that the user may do");
    let project = Arg::new(PROJECT)
        .long(PROJECT)
        .value_name("NAME")
        .value_parser(value_parser!(RepositoryName))
        .help("Of this project: it reaches the repositories of that name and below, and no others");
    let runner = Arg::new(RUNNER)
        .long(RUNNER)
        .value_name("REPOSITORY")
        .value_parser(value_parser!(RepositoryName))
        .help("Of a runner, which pulls this repository and can do nothing else");
    [user, project, runner]
}

fn given_owner(matches: &ArgMatches) -> Option<KeyOwner> {
    let user = || matches.get_one::<UserName>(USER).cloned().map(KeyOwner::User);
    let repository = |id| matches.get_one::<RepositoryName>(id).cloned();
    user()
        .or_else(|| repository(PROJECT).map(KeyOwner::Project))
        .or_else(|| repository(RUNNER).map(KeyOwner::Runner))
}

fn listed(keys: &[KeyEntry]) -> String {
    let row = |key: &KeyEntry| {
        let KeyEntry { id, owner, state, created, expires, description, .. } = key;
        let expires = expires.clone().unwrap_or_else(|| "never".to_owned());
        let state = state.as_str().to_owned();
        [id.to_string(), owner.to_string(), state, created.clone(), expires, description.clone()]
    };
    let head = ["ID", "OWNER", "STATE", "CREATED", "EXPIRES", "DESCRIPTION"];
    table(head, &keys.iter().map(row).collect::<Vec<_>>())
}
