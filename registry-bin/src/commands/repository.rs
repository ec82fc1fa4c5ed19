//! `repository`: who owns what, and who may see it.

use clap::{Arg, ArgMatches, Command as Clap, builder::PossibleValuesParser, value_parser};
use registry_core::{name::RepositoryName, record::Visibility};

use super::{
    administer::{administer, arguments, json, wants_json},
    output,
    table::table,
};
use crate::{
    admin::{Answer, Command, Owner, RepositoryEntry},
    config::Config,
    failure::Failure,
};

const NAME: &str = "name";
const VISIBILITY: &str = "visibility";
const OWNER: &str = "owner";

pub(super) fn command() -> Clap {
    let list = Clap::new("list").about("List the repositories").arg(json()).args(arguments());
    let name = Arg::new(NAME)
        .value_name("NAME")
        .value_parser(value_parser!(RepositoryName))
        .required(true)
        .help("The repository");
    let visibility = Arg::new(VISIBILITY)
        .long(VISIBILITY)
        .value_name("WHO")
        .value_parser(PossibleValuesParser::new(["public", "private"]))
        .help("Who may see it, where the policy asks that");
    let owner = Arg::new(OWNER)
        .long(OWNER)
        .value_name("OWNER")
        .value_parser(value_parser!(Owner))
        .help("Who owns it: user:alice, project:acme, or nobody");
    let set = Clap::new("set")
        .about("Change who owns a repository and who may see it")
        .arg(name)
        .args([visibility, owner])
        .group(
            clap::ArgGroup::new("change").args([VISIBILITY, OWNER]).required(true).multiple(true),
        )
        .args(arguments());
    Clap::new("repository")
        .about("Work on what is known of the repositories")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([list, set])
}

/// Has it done, and says so.
pub(super) fn run(matches: &ArgMatches, config: &Config) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("list", matches)) => {
            let Answer::Repositories(repositories) = administer(config, Command::RepositoryList)?
            else {
                return Err(Failure::Nonsense);
            };
            match wants_json(matches) {
                true => output::print_json(&repositories),
                false => output::print(&listed(&repositories)),
            }
        }
        Some(("set", matches)) => {
            let name = matches.get_one::<RepositoryName>(NAME).expect("it is required").clone();
            let visibility = match matches.get_one::<String>(VISIBILITY).map(String::as_str) {
                Some("public") => Some(Visibility::Public),
                Some(_) => Some(Visibility::Private),
                None => None,
            };
            let owner = matches.get_one::<Owner>(OWNER).cloned();
            let said = format!("changed repository {name}");
            administer(config, Command::RepositorySet { name, visibility, owner })?;
            output::say(&said);
            Ok(())
        }
        _ => unreachable!("a subcommand is required"),
    }
}

fn listed(repositories: &[RepositoryEntry]) -> String {
    let row = |repository: &RepositoryEntry| {
        let RepositoryEntry { name, visibility, owner, created } = repository;
        let visibility = match visibility {
            Visibility::Public => "public",
            _ => "private",
        };
        [name.to_string(), visibility.to_owned(), owner.to_string(), created.clone()]
    };
    let head = ["NAME", "VISIBILITY", "OWNER", "CREATED"];
    table(head, &repositories.iter().map(row).collect::<Vec<_>>())
}
