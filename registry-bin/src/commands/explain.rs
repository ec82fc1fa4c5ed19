//! `explain`: says what a policy decides, and why.

mod operation;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Arg, ArgAction, ArgMatches, Command as Clap, value_parser};
use registry_core::{
    access::Action,
    identity::{CredentialKind, Principal, PrincipalKind},
    policy::{AllowAll, Facts, PolicyFile},
    ports::{Authorizer, Question, Verdict},
    record::RepositoryRecord,
};
use tokio::runtime;

use self::operation::{Asked, Operation, Taken, Target};
use super::{
    administer::{administer, arguments},
    output,
};
use crate::{
    admin::{Answer, Command},
    config::{Config, Policy},
    failure::{Failure, ReachError},
    policy, wiring,
};

const POLICY: &str = "policy";
const USER: &str = "user";
const ACTION: &str = "action";
const REPOSITORY: &str = "repository";
const KEY: &str = "key";

/// What the store says of the user and the repository.
#[derive(Debug, Default)]
struct Known(Option<Found>);

#[derive(Debug)]
struct Found {
    groups: Vec<String>,
    repository: Option<Arc<RepositoryRecord>>,
}

pub(super) fn command() -> Clap {
    let policy = Arg::new(POLICY)
        .long(POLICY)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("The TOML file with the rules; without it the one that the configuration names");
    let key = Arg::new(KEY)
        .long(KEY)
        .action(ArgAction::SetTrue)
        .help("The user has logged in with a key, not with a password");
    let user = Arg::new(USER).value_name("USER").required(true).help(
        "Who asks: anonymous, the name of a user (alice or user:alice), project:<namespace>, \
         runner:<repository> or service:<id>",
    );
    let action = Arg::new(ACTION)
        .value_name("ACTION")
        .value_parser(value_parser!(Operation))
        .required(true)
        .help("What is done");
    let of_repositories = ["pull", "push", "create", "claim", "overwrite", "delete"];
    let repository = Arg::new(REPOSITORY)
        .value_name("REPOSITORY[:TAG]")
        .value_parser(value_parser!(Target))
        .required_if_eq_any(of_repositories.map(|action| (ACTION, action)))
        .help("To what; catalog and admin need none");
    Clap::new("explain")
        .about("Say whether a policy lets somebody do something, and which rule decides")
        .after_help(
            "Where there is a store, its users' groups and its repositories are what they are; \
             elsewhere nobody is in a group, and no repository is there. --read-only, \
             --anonymous and --refuse-pull-alone count as the environment and the configuration \
             file have them.\n\n\
             Exit code: 0 allowed, 1 denied, 2 the command line or the policy is wrong",
        )
        .args([policy, key, user, action, repository])
        .args(arguments())
}

/// Whether the command line names the policy.
pub(super) fn names_policy(matches: &ArgMatches) -> bool {
    matches.contains_id(POLICY)
}

/// Prints the answer and each rule that takes part in it; the exit code says it too.
pub(super) fn run(matches: &ArgMatches, config: &Config) -> Result<ExitCode, Failure> {
    let mut config = config.clone();
    if let Some(path) = matches.get_one::<PathBuf>(POLICY) {
        config.policy.value = Policy::new(path.clone(), policy::read(path)?);
    }
    let user = matches.get_one::<String>(USER).expect("it is required");
    let operation = matches.get_one::<Operation>(ACTION).expect("it is required");
    let target = matches.get_one::<Target>(REPOSITORY);
    let (_, policy): (_, &PolicyFile) = config.policy.value.file().ok_or(Failure::NoPolicy)?;
    let principal = principal(user, matches.get_flag(KEY))
        .ok_or_else(|| Failure::Nobody { user: user.clone() })?;
    let known = Known::of(&config, &principal, target)?;
    let principal = principal.with_groups(known.groups());
    let asked = Asked { principal: &principal, target, known: &known };
    let steps = operation.steps(policy, asked);
    let refusals = refusals(&config, policy, asked, &steps)?;
    let allowed = refusals.is_empty() && steps.iter().all(|taken| taken.step.is_allowed());
    let lines = steps.iter().map(|Taken { step, .. }| format!("{}: {step}\n", step.permission));
    let verdict = if allowed { "allowed\n" } else { "denied\n" };
    let facts = target.and_then(|_| known.facts()).unwrap_or_default();
    output::print(&(verdict.to_owned() + &lines.collect::<String>() + &refusals + &facts))?;
    Ok(ExitCode::from(u8::from(!allowed)))
}

/// What the server refuses though the policy may allow it, a line for each.
fn refusals(
    config: &Config,
    policy: &PolicyFile,
    asked: Asked<'_>,
    steps: &[Taken<'_>],
) -> Result<String, Failure> {
    let question =
        |taken: &Taken<'_>| Question::within(taken.access.clone(), asked.known.repository());
    let questions: Vec<_> = steps.iter().map(question).collect();
    let runtime = runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|source| Failure::System { what: "an event loop", source })?;
    let decide = |settings: Arc<dyn Authorizer>| {
        let decisions = runtime.block_on(settings.authorize(asked.principal, &questions));
        decisions.map_err(Failure::Undecided)
    };
    // The very thing that is served, around a policy that lets everybody do everything; and around
    // this one, since who may pull may depend on who may push.
    let whatever_it_says = decide(wiring::within_settings(config, AllowAll))?;
    let as_it_says = decide(wiring::within_settings(config, policy.clone()))?;
    let refusals = steps.iter().zip(whatever_it_says).zip(as_it_says);
    let refusals = refusals.filter_map(|((taken, whatever), as_it_says)| {
        let pulls = taken.access.action == Action::Pull && taken.step.is_allowed();
        let decision = match whatever.verdict {
            Verdict::Allow if pulls => as_it_says,
            _ => whatever,
        };
        let setting = match decision.verdict {
            Verdict::Allow => return None,
            Verdict::Unsupported => "--read-only",
            _ if asked.principal.kind() == PrincipalKind::Anonymous => "--anonymous",
            _ => "--refuse-pull-alone",
        };
        let permission = taken.step.permission;
        Some(format!("{permission}: refused by {setting}: {}\n", decision.reason))
    });
    Ok(refusals.collect())
}

/// Who it is; `None` where nobody can be that.
fn principal(user: &str, with_key: bool) -> Option<Principal> {
    let kind = if with_key { CredentialKind::UserKey } else { CredentialKind::Password };
    let user_of = |id| Principal::new(PrincipalKind::User, id).with_credential(kind, None);
    Some(match user.split_once(':') {
        None if user == "anonymous" => Principal::anonymous(),
        Some(("user", id)) => user_of(id),
        Some(("service", id)) => Principal::new(PrincipalKind::Service, id),
        Some(("project", name)) => Principal::project(&name.parse().ok()?)
            .with_credential(CredentialKind::ProjectKey, None),
        Some(("runner", name)) => Principal::runner(&name.parse().ok()?)
            .with_credential(CredentialKind::RunnerToken, None),
        _ => user_of(user),
    })
}

impl Known {
    /// Asks the store, or the server that has it; nothing is known where there is none.
    fn of(
        config: &Config,
        principal: &Principal,
        target: Option<&Target>,
    ) -> Result<Self, Failure> {
        let is_user = principal.kind() == PrincipalKind::User;
        let user = is_user.then(|| principal.id().parse().ok()).flatten();
        let repository = target.map(|target| target.name().clone());
        match administer(config, Command::Facts { user, repository }) {
            Ok(Answer::Facts { groups, repository }) => {
                let groups = groups.iter().map(ToString::to_string).collect();
                Ok(Self(Some(Found { groups, repository: repository.map(Arc::new) })))
            }
            Ok(_) => Err(Failure::Nonsense),
            Err(Failure::Unreached(ReachError::NoStore { .. } | ReachError::NoServer { .. })) => {
                Ok(Self::default())
            }
            Err(failure) => Err(failure),
        }
    }

    const fn is_known(&self) -> bool {
        self.0.is_some()
    }

    fn repository(&self) -> Option<Arc<RepositoryRecord>> {
        self.0.as_ref()?.repository.clone()
    }

    fn groups(&self) -> Vec<String> {
        self.0.as_ref().map(|found| found.groups.clone()).unwrap_or_default()
    }

    /// What the repository is, in a line.
    fn facts(&self) -> Option<String> {
        let found = self.0.as_ref()?;
        Some(match &found.repository {
            Some(repository) => format!("{}\n", Facts::Repository(Arc::clone(repository))),
            None => format!("{}\n", Facts::New),
        })
    }
}
