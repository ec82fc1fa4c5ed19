//! The wire suite: the whole Distribution API, tried from outside, one trial a row.
//!
//! ```text
//! cargo test -p registry-http --test wire                    our server, in process, on each store
//! cargo test -p registry-http --test wire -- memory::M13     the usual filters work
//!
//! REGISTRY_WIRE_URL=http://127.0.0.1:5000                    any other registry instead
//! REGISTRY_WIRE_SETTING=strict | sparse | no-deletes         how that registry is set (strict)
//! REGISTRY_WIRE_AUTHORIZATION="Basic …"                      who asks, by tokens where it asks so
//! REGISTRY_WIRE_EXPECT=tests/wire/distribution-v3.1.2.toml   the rows that it is known to fail
//! ```
//!
//! A row ([`row`]) belongs to a clause of the checklist ([`clauses`]); families of rows are in
//! `rows/`. To add one: name its clause, say in a sentence what the registry does, and write the
//! requests. Each row has a connection, repository names and content of its own, so that rows run
//! side by side and leave nothing that another could trip over.
//!
//! Expectations are written here by hand from the spec; nothing of the server's own code is used
//! to make a request or to read a reply.
#![expect(clippy::disallowed_methods, reason = "what hangs has to end, and a row needs new names")]

mod clauses;
mod client;
mod content;
mod dataset;
mod failure;
mod login;
mod ours;
mod pinned;
mod raw;
mod reply;
mod repository;
mod row;
mod rows;
mod target;
mod url;
mod users;
mod way;

use std::{
    collections::BTreeSet,
    env,
    hash::{BuildHasher, RandomState},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use hyper::header::HeaderValue;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use crate::{
    client::Protocol,
    failure::{Failure, Outcome, ensure},
    login::Login,
    pinned::Pinned,
    row::Row,
    target::{Server, Setting, Target},
    url::Base,
};

/// No row takes nearly as long, whatever the machine; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Outcome<ExitCode> {
    let arguments = Arguments::from_args();
    let runtime = Runtime::new()?;
    let rows: Vec<Arc<Row>> = rows::all().into_iter().map(Arc::new).collect();
    let mut trials = self_checks(&rows);
    match env::var("REGISTRY_WIRE_URL") {
        Ok(url) => trials.extend(another(&runtime, &rows, &url)?),
        Err(_) => trials.extend(ours(&runtime, &rows)?),
    }
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}

/// The rows on our server, once in each variant.
fn ours(runtime: &Runtime, rows: &[Arc<Row>]) -> Outcome<Vec<Trial>> {
    let mut trials = Vec::new();
    for variant in ours::VARIANTS {
        for setting in [Setting::Strict, Setting::Sparse, Setting::NoDeletes] {
            let server = runtime.block_on(ours::start(variant, setting))?;
            for row in rows.iter().filter(|row| row.setting() == setting) {
                let name = format!("{}::{}", variant.name, row.name());
                trials.push(trial(runtime, name, row, &server, &Arc::default()));
            }
        }
    }
    Ok(trials)
}

/// The rows on a registry that somebody else started. Those that do not suit its setting are
/// shown as ignored.
fn another(runtime: &Runtime, rows: &[Arc<Row>], url: &str) -> Outcome<Vec<Trial>> {
    let setting = match env::var("REGISTRY_WIRE_SETTING").as_deref() {
        Err(_) | Ok("strict") => Setting::Strict,
        Ok("sparse") => Setting::Sparse,
        Ok("no-deletes") => Setting::NoDeletes,
        Ok(other) => return Err(Failure::new(format!("REGISTRY_WIRE_SETTING={other}"))),
    };
    let authorization = env::var("REGISTRY_WIRE_AUTHORIZATION").ok();
    let authorization = authorization.map(|value| HeaderValue::from_str(&value)).transpose()?;
    let login = authorization.map(|password| Login { password, takes_tokens: true });
    let server = Server { base: Base::parse(url)?, protocol: Protocol::Http1, login };
    let pinned = match env::var_os("REGISTRY_WIRE_EXPECT") {
        Some(path) => Pinned::load(Path::new(&path))?,
        None => Pinned::default(),
    };
    let names: Vec<String> = rows.iter().map(|row| row.name()).collect();
    let unknown = pinned.unknown(&names).join("\n");
    let pinned = Arc::new(pinned);
    let mut trials: Vec<Trial> = rows
        .iter()
        .map(|row| {
            let trial = trial(runtime, row.name(), row, &server, &pinned);
            trial.with_ignored_flag(!row.suits(setting))
        })
        .collect();
    trials.push(check("suite: every pinned row exists", move || {
        ensure!(unknown.is_empty(), "no such rows:\n{unknown}");
        Ok(())
    }));
    Ok(trials)
}

fn trial(
    runtime: &Runtime,
    name: String,
    row: &Arc<Row>,
    server: &Server,
    pinned: &Arc<Pinned>,
) -> Trial {
    let (handle, row) = (runtime.handle().clone(), Arc::clone(row));
    let (server, pinned) = (server.clone(), Arc::clone(pinned));
    check(&name, move || {
        let target = Target::new(server, RandomState::new().hash_one(row.name()));
        let limited = async { tokio::time::timeout(PATIENCE, row.run(&target)).await };
        let outcome = match handle.block_on(limited) {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::new(format!("no end within {PATIENCE:?}"))),
        };
        let clause = row.clause;
        let context = format!("{:?} ({}): {}", clause.level, clause.spec, clause.text);
        pinned.judge(&row.name(), outcome).map_err(|failure| failure.during(context))
    })
}

/// What must be true of the suite itself.
fn self_checks(rows: &[Arc<Row>]) -> Vec<Trial> {
    let tried: BTreeSet<&str> = rows.iter().map(|row| row.clause.id).collect();
    let elsewhere: BTreeSet<&str> = clauses::ELSEWHERE.iter().map(|(id, _)| *id).collect();
    let mut untried: Vec<&str> = clauses::CLAUSES.iter().map(|clause| clause.id).collect();
    untried.retain(|id| !tried.contains(id) && !elsewhere.contains(id));
    let both: Vec<&str> = tried.intersection(&elsewhere).copied().collect();
    let (count, names) = (rows.len(), rows.iter().map(|row| row.name()).collect::<BTreeSet<_>>());
    vec![
        check("suite: every clause has a row, or a reason to have none", move || {
            ensure!(untried.is_empty(), "clauses without a row: {untried:?}");
            ensure!(both.is_empty(), "clauses said to have no row, but which have one: {both:?}");
            Ok(())
        }),
        check("suite: no two rows have the same name", move || {
            ensure!(names.len() == count, "{count} rows, but {} names", names.len());
            Ok(())
        }),
    ]
}

fn check(name: &str, run: impl FnOnce() -> Outcome + Send + 'static) -> Trial {
    Trial::test(name, || run().map_err(|failure| Failed::from(failure.to_string())))
}
