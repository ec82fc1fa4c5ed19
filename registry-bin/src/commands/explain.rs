//! `explain`: says what a policy decides, and why.

mod operation;

use std::{path::PathBuf, process::ExitCode};

use clap::{Arg, ArgMatches, Command, value_parser};
use registry_core::{
    identity::{Principal, PrincipalKind},
    policy::Numbered,
};

use self::operation::{Operation, Target};
use crate::{failure::Failure, policy};

const POLICY: &str = "policy";
const USER: &str = "user";
const ACTION: &str = "action";
const REPOSITORY: &str = "repository";

pub(super) fn command() -> Command {
    let policy = Arg::new(POLICY)
        .long(POLICY)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .required(true)
        .help("The TOML file with the rules");
    let user = Arg::new(USER)
        .value_name("USER")
        .required(true)
        .help("Who asks: anonymous, the id of a user (alice or user:alice), or service:<id>");
    let action = Arg::new(ACTION)
        .value_name("ACTION")
        .value_parser(value_parser!(Operation))
        .required(true)
        .help("What is done");
    let of_repositories = ["pull", "push", "create", "overwrite", "delete"];
    let repository = Arg::new(REPOSITORY)
        .value_name("REPOSITORY[:TAG]")
        .value_parser(value_parser!(Target))
        .required_if_eq_any(of_repositories.map(|action| (ACTION, action)))
        .help("To what; catalog needs none");
    Command::new("explain")
        .about("Say whether a policy lets somebody do something, and which rule decides")
        .after_help("Exit code: 0 allowed, 1 denied, 2 the command line or the policy is wrong")
        .args([policy, user, action, repository])
}

/// Prints the answer and each rule that takes part in it; the exit code says it too.
pub(super) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let path = matches.get_one::<PathBuf>(POLICY).expect("it is required");
    let user = matches.get_one::<String>(USER).expect("it is required");
    let operation = matches.get_one::<Operation>(ACTION).expect("it is required");
    let policy = policy::read(path)?;
    let steps = operation.steps(&policy, &principal(user), matches.get_one(REPOSITORY));
    let allowed = steps.iter().all(|step| step.rule.is_some());
    let lines = steps.iter().map(|step| format!("{}: {}\n", step.permission, decided(step.rule)));
    let verdict = if allowed { "allowed\n" } else { "denied\n" };
    super::print(&(verdict.to_owned() + &lines.collect::<String>()))?;
    Ok(ExitCode::from(u8::from(!allowed)))
}

fn principal(user: &str) -> Principal {
    match user.split_once(':') {
        None if user == "anonymous" => Principal::anonymous(),
        Some(("user", id)) => Principal::new(PrincipalKind::User, id),
        Some(("service", id)) => Principal::new(PrincipalKind::Service, id),
        _ => Principal::new(PrincipalKind::User, user),
    }
}

fn decided(rule: Option<Numbered<'_>>) -> String {
    rule.map_or_else(|| "no rule allows it".to_owned(), |rule| format!("{rule} allows it"))
}
