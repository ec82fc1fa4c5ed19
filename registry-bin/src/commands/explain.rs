//! `explain`: says what a policy decides, and why.

mod operation;

use std::{env, path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Arg, ArgAction, ArgMatches, Command as Clap, value_parser};
use registry_adapters::{accounts::GroupName, htpasswd::Htpasswd};
use registry_core::{
    access::Action,
    identity::{CredentialKind, Principal, PrincipalKind},
    policy::{AllowAll, Permission, PolicyFile},
    ports::{Authorizer, Question, Verdict},
};
use tokio::runtime;

use self::operation::{Asked, Taken, Target};
use super::{
    administer::{administer, arguments},
    output,
};
use crate::{
    admin::{Answer, Command, Facts, Served, UserEntry},
    config::{Config, Policy},
    failure::{Failure, ReachError},
    policy, wiring,
};

const POLICY: &str = "policy";
const USER: &str = "user";
const ACTION: &str = "action";
const REPOSITORY: &str = "repository";
const KEY: &str = "key";

pub(super) fn command() -> Clap {
    let policy = Arg::new(POLICY)
        .long(POLICY)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help(
            "The TOML file with the rules; without it the rules that the running server goes by, or \
             else the file that the configuration names",
        );
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
        .value_parser(operation::parser())
        .required(true)
        .help("What is done");
    let of_repositories = operation::of_repositories().map(|word| (ACTION, word));
    let repository = Arg::new(REPOSITORY)
        .value_name("REPOSITORY[:TAG]")
        .value_parser(value_parser!(Target))
        .required_if_eq_any(of_repositories)
        .help("To what; catalog and admin need none");
    Clap::new("explain")
        .about("Say whether a policy lets somebody do something, and which rule decides")
        .after_help(
            "Where a server runs it is asked: for its rules as they are in force, whatever their file \
             says by now, for its --read-only, --anonymous and --refuse-pull-alone, its users' \
             groups and its repositories. Where none answers, the rules and settings are those of the environment and the \
             configuration file, and users and repositories those of the store; without a store \
             nobody is in a group, and no repository is there. Standard error says which it was.\n\n\
             Exit code: 0 allowed, 1 denied, 2 the command line or the policy is wrong",
        )
        .args([policy, key, user, action, repository])
        .args(arguments())
}

/// Prints the answer and each rule that takes part in it; the exit code says it too.
pub(super) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let user = matches.get_one::<String>(USER).expect("it is required");
    let action = *matches.get_one::<Permission>(ACTION).expect("it is required");
    let target = matches.get_one::<Target>(REPOSITORY);
    let principal = principal(user, matches.get_flag(KEY))?;
    // What is wrong with the file is for who goes by it.
    let config = Config::of_store(matches, env::vars_os(), false)?;
    let mut facts = facts(&config, &principal, target)?;
    let served = facts.as_mut().and_then(|facts| facts.served.take());
    let config = deciding(matches, config, served)?;
    let (_, policy) = config.policy.value.file().ok_or(Failure::NoPolicy)?;
    let account = facts.as_mut().and_then(|facts| facts.user.take());
    if let Some(facts) = &facts
        && account.is_none()
        && !facts.is_in_file
    {
        say_unknown(&principal);
    }
    let groups = account.iter().flat_map(|user| &user.groups).map(GroupName::as_str);
    let principal = principal.with_groups(groups);
    let is_known = facts.is_some();
    let repository = facts.and_then(|facts| facts.repository).map(Arc::new);
    let asked = Asked { principal: &principal, target, is_known, repository };
    let steps = operation::steps(action, policy, &asked);
    let mut refusals = refusals(&config, policy, &asked, &steps)?;
    if let Some(UserEntry { name, disabled: true, .. }) = &account {
        refusals += &format!("user {name} is disabled, and cannot log in\n");
    }
    let allowed = refusals.is_empty() && steps.iter().all(|taken| taken.step.is_allowed());
    let lines = steps.iter().map(|Taken { step, .. }| format!("{}: {step}\n", step.permission));
    let verdict = if allowed { "allowed\n" } else { "denied\n" };
    let facts = asked.facts().map(|facts| format!("{facts}\n")).unwrap_or_default();
    output::print(&(verdict.to_owned() + &lines.collect::<String>() + &refusals + &facts))?;
    Ok(ExitCode::from(u8::from(!allowed)))
}

/// What decides: the rules of the file that is named, or else those that are served, or configured.
/// Says which.
fn deciding(
    matches: &ArgMatches,
    mut config: Config,
    served: Option<Served>,
) -> Result<Config, Failure> {
    let named = matches.get_one::<PathBuf>(POLICY);
    let is_served = served.is_some();
    if let Some(Served { policy, read_only, anonymous, refuse_pull_alone }) = served {
        (config.read_only.value, config.anonymous.value) = (read_only, anonymous);
        config.refuse_pull_alone.value = refuse_pull_alone;
        if let Some((path, policy)) = policy {
            config.policy.value = Policy::new(path.into(), policy);
        }
    } else if named.is_none() {
        config = Config::of_store(matches, env::vars_os(), true)?;
    }
    if let Some(path) = named {
        config.policy.value = Policy::new(path.clone(), policy::read(path)?);
    }
    let (path, _) = config.policy.value.file().ok_or(Failure::NoPolicy)?;
    let path = path.display();
    output::say(&match (is_served, named) {
        (true, None) => format!("asked the server that runs, which follows {path}"),
        (true, Some(_)) => format!("asked {path}, and of the rest the server that runs"),
        (false, _) => format!("asked {path}: no server answers"),
    });
    Ok(config)
}

/// Says of a user that there is none, since the answer looks like that of a user in no group.
fn say_unknown(principal: &Principal) {
    if principal.kind() == PrincipalKind::User {
        output::say(&format!(
            "there is no user {}: this is what one of that name could do, in no group",
            principal.id()
        ));
    }
}

/// Asks the store, or the server that has it; `None` where there is none.
fn facts(
    config: &Config,
    principal: &Principal,
    target: Option<&Target>,
) -> Result<Option<Facts>, Failure> {
    let is_user = principal.kind() == PrincipalKind::User;
    let user = is_user.then(|| principal.id().to_owned());
    let repository = target.map(|target| target.name().clone());
    match administer(config, Command::Facts { user, repository }) {
        Ok(Answer::Facts(facts)) => Ok(Some(*facts)),
        Ok(_) => Err(Failure::Nonsense),
        Err(Failure::Unreached(ReachError::NoStore { .. } | ReachError::NoServer { .. })) => {
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

/// What the server refuses though the policy may allow it, a line for each.
fn refusals(
    config: &Config,
    policy: &PolicyFile,
    asked: &Asked<'_>,
    steps: &[Taken<'_>],
) -> Result<String, Failure> {
    let question =
        |taken: &Taken<'_>| Question::within(taken.access.clone(), asked.repository.clone());
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

/// Who it is.
fn principal(user: &str, with_key: bool) -> Result<Principal, Failure> {
    let nobody = || Failure::Nobody { user: user.to_owned() };
    let kind = if with_key { CredentialKind::UserKey } else { CredentialKind::Password };
    let user_of = |id| Principal::new(PrincipalKind::User, id).with_credential(kind, None);
    Ok(match user.split_once(':') {
        None if user == "anonymous" => Principal::anonymous(),
        None if Htpasswd::is_name(user) => user_of(user),
        Some(("user", id)) if Htpasswd::is_name(id) => user_of(id),
        Some(("service", id)) if !id.is_empty() => Principal::new(PrincipalKind::Service, id),
        Some(("project", name)) => Principal::project(&name.parse().map_err(|_| nobody())?)
            .with_credential(CredentialKind::ProjectKey, None),
        Some(("runner", name)) => Principal::runner(&name.parse().map_err(|_| nobody())?)
            .with_credential(CredentialKind::RunnerToken, None),
        Some(("group", _)) => return Err(Failure::Group { group: user.to_owned() }),
        _ => return Err(nobody()),
    })
}
