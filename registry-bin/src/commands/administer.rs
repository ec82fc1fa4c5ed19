//! Has a command carried out: by the server that has the store open; where none answers, here.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path, sync::Arc, time::Duration};

use clap::{Arg, ArgAction, ArgMatches};
use registry_adapters::{
    filesystem::OpenError,
    system::{SystemClock, TokioTasks},
};
use registry_core::{policy::AllowAll, ports::Clock};
use tokio::runtime;

use super::output;
use crate::{
    admin::{Administrator, Answer, Command, Reply},
    config::{AuditTarget, Config, Store, flags},
    control::{self, Operator, SocketPath},
    directory,
    failure::{Failure, ReachError},
    wiring::{self, Stores},
};

/// How often to look whether a server answers, or the store is free: one that starts, or another
/// command, has the store for a moment.
const TRIES: u32 = 100;
const BETWEEN: Duration = Duration::from_millis(50);

const JSON: &str = "json";

/// The arguments of every command that is carried out so.
pub(super) fn arguments() -> impl Iterator<Item = Arg> {
    flags::some(&["data", "store"])
}

/// The switch of a command that lists.
pub(super) fn json() -> Arg {
    Arg::new(JSON).long(JSON).action(ArgAction::SetTrue).help("Print JSON, for programs")
}

/// Whether it is given.
pub(super) fn wants_json(matches: &ArgMatches) -> bool {
    matches.get_flag(JSON)
}

/// Has a command carried out by whoever can, and gives what it has to say.
pub(super) fn administer(config: &Config, command: Command) -> Result<Answer, Failure> {
    run(reach(config, command))
}

/// Carries a command out on a store that nobody serves, and that is made where there is none.
pub(super) fn administer_here(config: &Config, command: Command) -> Result<Answer, Failure> {
    run(async {
        let stores = wiring::stores(config)?;
        carry_out(config, &stores, command).await
    })
}

fn run(reply: impl Future<Output = Result<Reply, Failure>>) -> Result<Answer, Failure> {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Failure::System { what: "threads", source })?;
    match runtime.block_on(reply)? {
        Reply::Done(answer) => Ok(answer),
        Reply::Refused(sentence) => Err(Failure::Refused(sentence)),
    }
}

async fn carry_out(config: &Config, stores: &Stores, command: Command) -> Result<Reply, Failure> {
    let tasks = TokioTasks::current();
    let audit = if command.is_change() { wiring::audit(config)? } else { None };
    // What is wrong with them does not keep a user from being disabled.
    let token_keys =
        if command.is_about_token_keys() { wiring::token_keys(config).await? } else { None };
    let administrator = Administrator {
        accounts: Some(wiring::accounts(stores)),
        // Nor does what is wrong with the file, which only serves to warn.
        htpasswd: wiring::htpasswd(config).ok().flatten().map(Arc::new),
        discard: Arc::clone(&stores.discard),
        registry: wiring::registry(config, stores, AllowAll, tasks, None, None),
        minter: None,
        token_keys,
        served: None,
        audit,
        clock: Box::new(SystemClock::new()),
    };
    Ok(administrator.carry_out(Operator::myself(), command).await)
}

async fn reach(config: &Config, command: Command) -> Result<Reply, Failure> {
    let data = config.data.value.path();
    let clock = SystemClock::new();
    let mut tries = 0..TRIES;
    loop {
        let silent = match SocketPath::in_directory(data) {
            Ok(path) => match control::ask(&path, &command).map_err(ReachError::from)? {
                Some(reply) => return Ok(reply),
                None => None,
            },
            Err(error) => Some(error),
        };
        let path = data.to_owned();
        if config.store.value == Store::Memory {
            return Err(ReachError::NoServer { path }.into());
        }
        check_owner(data)?;
        // What looks, or comes to the wrong place, leaves nothing there.
        if !directory::has_store(data) {
            return Err(ReachError::NoStore { path }.into());
        }
        match wiring::stores(config) {
            Ok(stores) => {
                let is_unaudited =
                    command.is_change() && matches!(config.audit_log.value, AuditTarget::None);
                let reply = carry_out(config, &stores, command).await?;
                if is_unaudited && matches!(reply, Reply::Done(_)) {
                    output::say("this is in no audit log: the configuration names none");
                }
                return Ok(reply);
            }
            Err(Failure::Data(OpenError::Busy(_))) if tries.next().is_some() => {
                clock.sleep(BETWEEN).await;
            }
            Err(Failure::Data(OpenError::Busy(_))) => {
                return Err(ReachError::Silent { path, silent }.into());
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Whoever writes to a store of somebody else leaves files that its server cannot read.
fn check_owner(data: &Path) -> Result<(), ReachError> {
    let path = data.to_owned();
    let owner = match fs::metadata(data) {
        Ok(metadata) => metadata.uid(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(ReachError::NoStore { path }),
        Err(source) => return Err(ReachError::System { path, source }),
    };
    let me = rustix::process::geteuid().as_raw();
    if owner == me { Ok(()) } else { Err(ReachError::NotOwner { path, owner, me }) }
}
