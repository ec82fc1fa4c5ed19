//! `user`: people and what they log in with.

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command as Clap, value_parser};
use registry_adapters::{
    accounts::{GroupName, UserName},
    system::SystemRandom,
};
use registry_core::name::RepositoryName;

use super::{
    administer::{administer, arguments, json, wants_json},
    damaged::{self, Removed},
    output,
    table::table,
};
use crate::{
    admin::{Answer, Command, Hidden, USER_RECORDS, UserEntry},
    config::Config,
    failure::Failure,
    prompt,
};

const NAME: &str = "name";
const GROUP: &str = "group";
const NONE: &str = "none";
const GENERATE: &str = "generate";
const STDIN: &str = "password-stdin";

pub(super) fn command() -> Clap {
    let add = changing("add", "Add a user").arg(groups()).args(password());
    let list = Clap::new("list").about("List the users").arg(json()).args(arguments());
    let passwd = changing(
        "passwd",
        "Give a user another password; who is logged in with the old one has to log in again",
    );
    Clap::new("user")
        .about("Work on the users that are kept in the store (see --accounts)")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            add,
            list,
            passwd.args(password()),
            changing("groups", "Make a user a member of these groups and of no others")
                .args([groups(), none()])
                .group(ArgGroup::new("new groups").args([GROUP, NONE]).required(true)),
            changing("disable", "Refuse a user and its keys, until it is enabled"),
            changing("enable", "Let a disabled user in again"),
            changing(
                "logout",
                "Make a user's refresh tokens worthless, so that who is logged in with one has to log \
                 in again",
            ),
            changing("remove", "Remove a user with its keys").mut_arg(NAME, |name| {
                name.value_parser(damaged::removed::<UserName>(USER_RECORDS))
                    .help("The user, or a damaged record, as `user list` names it")
            }),
        ])
}

/// Has it done, and says so.
pub(super) fn run(matches: &ArgMatches, config: &Config) -> Result<(), Failure> {
    let Some((word, matches)) = matches.subcommand() else {
        unreachable!("a subcommand is required")
    };
    if word == "list" {
        return list(matches, config);
    }
    let name = match word {
        "remove" => match matches.get_one(NAME).cloned().expect("it is required") {
            Removed::Record(record) => return damaged::remove(record, config),
            Removed::Named(name) => name,
        },
        _ => matches.get_one::<UserName>(NAME).expect("it is required").clone(),
    };
    let user = name.to_string();
    let (done, command, generated) = match word {
        "add" => {
            let (password, generated) = new_password(matches, &user)?;
            let groups = given_groups(matches);
            ("added", Command::UserAdd { name, groups, password }, generated)
        }
        "passwd" => {
            let (password, generated) = new_password(matches, &user)?;
            ("changed the password of", Command::UserPasswd { name, password }, generated)
        }
        "groups" => {
            let groups = given_groups(matches);
            ("changed the groups of", Command::UserGroups { name, groups }, None)
        }
        "disable" => ("disabled", Command::UserDisable { name }, None),
        "logout" => ("logged out", Command::UserLogout { name }, None),
        "enable" => ("enabled", Command::UserEnable { name }, None),
        "remove" => ("removed", Command::UserRemove { name }, None),
        _ => unreachable!("{word} is no subcommand"),
    };
    let answer = administer(config, command)?;
    output::say(&format!("{done} user {user}"));
    let (owned, is_in_file) = match answer {
        Answer::Added { owned } => (owned, false),
        Answer::Removed { owned, is_in_file } => (owned, is_in_file),
        _ => (Vec::new(), false),
    };
    if is_in_file {
        output::say(&format!(
            "there is still a user {user} in the file of --htpasswd, who can log in from now on: \
             `htpasswd -D FILE {user}` takes it out"
        ));
    }
    if let Some(warning) = inheritance(&user, &owned) {
        output::say(&warning);
    }
    match generated {
        Some(password) => {
            output::say("the password is shown this once:");
            let instead = format!("`registry-bin user passwd {user}`");
            output::print_once(&format!("{}\n", password.expose()), &instead)
        }
        None => Ok(()),
    }
}

/// Prints those that can be read, and fails where there are others.
fn list(matches: &ArgMatches, config: &Config) -> Result<(), Failure> {
    let Answer::Users { users, corrupt } = administer(config, Command::UserList)? else {
        return Err(Failure::Nonsense);
    };
    match wants_json(matches) {
        true => output::print_json(&users)?,
        false => output::print(&listed(&users))?,
    }
    damaged::report(
        &corrupt,
        "these records are damaged, or have a name that no user can have, and nobody can log in by \
         them; `registry-bin user remove RECORD` deletes one, and `user add` makes the user anew",
    )
}

fn changing(word: &'static str, about: &'static str) -> Clap {
    let name = Arg::new(NAME)
        .value_name("NAME")
        .value_parser(value_parser!(UserName))
        .required(true)
        .help("The user");
    Clap::new(word).about(about).arg(name).args(arguments())
}

fn groups() -> Arg {
    Arg::new(GROUP)
        .long(GROUP)
        .value_name("GROUP")
        .value_parser(value_parser!(GroupName))
        .action(ArgAction::Append)
        .help("Make it a member of this group; can be repeated")
}

fn none() -> Arg {
    Arg::new(NONE).long(NONE).action(ArgAction::SetTrue).help("Take it out of all groups")
}

fn password() -> [Arg; 2] {
    let generate = Arg::new(GENERATE)
        .long(GENERATE)
        .action(ArgAction::SetTrue)
        .help("Make a password, and print it, instead of asking for one");
    let stdin = Arg::new(STDIN)
        .long(STDIN)
        .action(ArgAction::SetTrue)
        .conflicts_with(GENERATE)
        .help("Read the password from standard input's first line, instead of asking for it");
    [generate, stdin]
}

fn given_groups(matches: &ArgMatches) -> Vec<GroupName> {
    matches.get_many::<GroupName>(GROUP).unwrap_or_default().cloned().collect()
}

/// The password, and again where it has to be shown.
fn new_password(matches: &ArgMatches, user: &str) -> Result<(Hidden, Option<Hidden>), Failure> {
    if matches.get_flag(GENERATE) {
        let password = Hidden::generate(&SystemRandom);
        return Ok((password.clone(), Some(password)));
    }
    let password = if matches.get_flag(STDIN) { prompt::read()? } else { prompt::ask(user)? };
    Ok((Hidden::from(&password), None))
}

/// What has to be thought of where a name outlasts its user.
fn inheritance(user: &str, repositories: &[RepositoryName]) -> Option<String> {
    const SHOWN: usize = 10;
    let shown: Vec<_> = repositories.iter().take(SHOWN).map(RepositoryName::as_str).collect();
    let more = match repositories.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!repositories.is_empty()).then(|| {
        format!(
            "whoever has the name {user} owns {}{more}: `registry-bin repository set NAME --owner OWNER` \
             gives them to another",
            shown.join(", ")
        )
    })
}

fn listed(users: &[UserEntry]) -> String {
    let row = |user: &UserEntry| {
        let groups: Vec<_> = user.groups.iter().map(GroupName::as_str).collect();
        let state = if user.disabled { "disabled" } else { "enabled" };
        [user.name.to_string(), state.to_owned(), groups.join(","), user.created.clone()]
    };
    table(["NAME", "STATE", "GROUPS", "CREATED"], &users.iter().map(row).collect::<Vec<_>>())
}
