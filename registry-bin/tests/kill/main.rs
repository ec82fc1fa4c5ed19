//! The server is killed under load, again and again: what it acknowledged is there, byte for byte,
//! and open uploads go on where their clients were told.
//!
//! `REGISTRY_KILL_ROUNDS` says how often (5), `REGISTRY_KILL_SEED` replays a run's choices.
#![expect(clippy::disallowed_methods, reason = "each run kills at other points in real time")]

mod dice;
mod ledger;
mod pusher;
#[path = "../support/mod.rs"]
mod support;

use std::env;
use std::hash::{BuildHasher, RandomState};
use std::io::{Write, stderr};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use dice::Dice;
use pusher::Pusher;
use support::http::Http;
use support::server::Server;

/// How many clients push at the same time.
const PUSHERS: usize = 6;
/// How many replies a server may give before it is killed.
const REPLIES: usize = 200;
/// How long after the last of these replies, so that any point of a request can be hit.
const DELAY: usize = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_acknowledged_is_there_after_kill_9() {
    let rounds = number("REGISTRY_KILL_ROUNDS").unwrap_or(5);
    let seed = number("REGISTRY_KILL_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    writeln!(stderr(), "kill: {rounds} rounds, REGISTRY_KILL_SEED={seed}").expect("standard error");
    let mut dice = Dice(seed);
    let data = TempDir::new().expect("a directory");
    let mut pushers: Vec<_> = (0..PUSHERS).map(|n| Pusher::new(n, Dice(dice.next()))).collect();
    for _ in 0..rounds {
        let server = Server::start(data.path());
        pushers = verify(pushers, &server, false).await;
        pushers = load_and_kill(pushers, server, &mut dice).await;
    }
    let server = Server::start(data.path());
    verify(pushers, &server, true).await;
}

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|e| panic!("{variable}={value}: {e}")))
}

/// Lets every pusher compare the registry with its ledger, and end its open uploads.
async fn verify(pushers: Vec<Pusher>, server: &Server, all: bool) -> Vec<Pusher> {
    let mut tasks = JoinSet::new();
    for mut pusher in pushers {
        let http = Http::new(server.address);
        tasks.spawn(async move {
            pusher.ledger.verify_changed(&http).await;
            pusher.resume_uploads(&http).await.expect("uploads resume");
            pusher.ledger.verify_changed(&http).await;
            if all {
                pusher.ledger.verify_all(&http).await;
            }
            pusher
        });
    }
    tasks.join_all().await
}

/// Lets every pusher work, and kills the server at a random moment.
async fn load_and_kill(pushers: Vec<Pusher>, server: Server, dice: &mut Dice) -> Vec<Pusher> {
    let acknowledged = Arc::new(Semaphore::new(0));
    let mut tasks = JoinSet::new();
    for mut pusher in pushers {
        let (http, acknowledged) = (Http::new(server.address), Arc::clone(&acknowledged));
        tasks.spawn(async move {
            let error = pusher.work(&http, acknowledged).await;
            (pusher, error)
        });
    }
    let replies = u32::try_from(1 + dice.below(REPLIES)).expect("it is small");
    tokio::select! {
        reached = acknowledged.acquire_many(replies) => drop(reached.expect("it stays open")),
        early = tasks.join_next() => panic!("a request failed before the kill: {early:?}"),
    }
    let delay = Duration::from_micros(dice.below(DELAY) as u64);
    if let Ok(early) = timeout(delay, tasks.join_next()).await {
        panic!("a request failed before the kill: {early:?}");
    }
    drop(server);
    tasks.join_all().await.into_iter().map(|(pusher, _)| pusher).collect()
}
