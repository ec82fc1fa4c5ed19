//! Accounts in a store that a test looks into, and a clock that it moves.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use registry_adapters::{
    accounts::{Accounts, CreatedKey, GroupName, KeyOwner, NewKey, PasswordCost, UserName},
    filesystem::{Durability, Filesystem, Options},
    memory::MemoryRecords,
};
use registry_core::{
    credentials::{Credentials, Secret},
    identity::Principal,
    ports::{
        Authenticated, AuthenticationError, Authenticator, Clock, KeyRange, RecordStore,
        StoreError, StoreErrorKind,
    },
    testing::{Call, PatientClock, Seeded, Tap, Tapped},
};
use tempfile::TempDir;

use crate::log;

pub(crate) const HOME: &str = "192.0.2.1";
pub(crate) const AWAY: &str = "198.51.100.1";

/// A day of seconds.
pub(crate) const DAY: u64 = 24 * 60 * 60;

pub(crate) struct World {
    pub(crate) accounts: Accounts,
    pub(crate) store: Arc<dyn RecordStore>,
    pub(crate) calls: Arc<Calls>,
    pub(crate) clock: PatientClock,
    /// Another in each world.
    pub(crate) id: usize,
    random: Arc<Seeded>,
    _directory: Option<TempDir>,
}

/// What the store was asked since this was last looked at, and what it does not answer.
#[derive(Default)]
pub(crate) struct Calls {
    seen: Mutex<Vec<Call>>,
    broken: Mutex<Option<Which>>,
}

/// Whether it is one of certain calls.
type Which = fn(&Call) -> bool;

/// What came out of a try.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Is(String),
    Refused(String),
    Throttled(Duration),
    Unavailable,
}

impl World {
    pub(crate) fn in_memory() -> Self {
        Self::of(Arc::new(MemoryRecords::default()), None)
    }

    pub(crate) fn on_a_filesystem() -> Self {
        let directory = TempDir::new().expect("a directory");
        let options = Options::new(Durability::ProcessSafe);
        let opened = Filesystem::open(directory.path(), options).expect("it opens");
        Self::of(Arc::new(opened.records()), Some(directory))
    }

    fn of(store: Arc<dyn RecordStore>, directory: Option<TempDir>) -> Self {
        static WORLDS: AtomicUsize = AtomicUsize::new(0);
        log::start();
        let id = WORLDS.fetch_add(1, Ordering::Relaxed);
        let (calls, clock) = (Arc::<Calls>::default(), PatientClock::default());
        let store: Arc<dyn RecordStore> = Arc::new(Tapped::new(store, &calls));
        let random = Arc::new(Seeded::new(id as u64));
        let accounts = open(&store, &clock, &random, cheap());
        Self { accounts, store, calls, clock, id, random, _directory: directory }
    }

    /// Another server on the same store.
    pub(crate) fn another(&self) -> Accounts {
        self.of_cost(cheap())
    }

    pub(crate) fn of_cost(&self, cost: PasswordCost) -> Accounts {
        open(&self.store, &self.clock, &self.random, cost)
    }

    /// Lets so many seconds pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn add(&self, name: &str, password: &str) {
        let added = self.accounts.add_user(&user(name), &Secret::new(password), &[]).await;
        added.expect("a user is added");
    }

    /// A key that is good for ever, and a runner's for an hour.
    pub(crate) async fn key(&self, owner: &str) -> CreatedKey {
        let in_an_hour = self.clock.now() + Duration::from_secs(60 * 60);
        let expires = owner.starts_with("runner:").then_some(in_an_hour);
        let new = NewKey { expires, ..new_key(owner) };
        self.accounts.create_key(new).await.expect("a key is made")
    }

    pub(crate) async fn who(
        &self,
        name: &str,
        secret: &str,
    ) -> Result<Principal, AuthenticationError> {
        let peer = HOME.parse().expect("an address");
        let who = self.accounts.authenticate(&basic(name, secret), Some(peer)).await;
        who.map(|who| who.principal)
    }

    pub(crate) async fn login(&self, name: &str, secret: &str) -> Outcome {
        login_from(&self.accounts, HOME, name, secret).await
    }

    /// Every byte of every record.
    pub(crate) async fn stored(&self) -> Vec<u8> {
        let entries = self.store.list(KeyRange::all("x-accounts/".to_owned()));
        let bytes = entries.and_then(|entry| async move {
            let found = self.store.get(&entry.key, None).await?;
            let registry_core::ports::Lookup::Found(_, record) = found else {
                return Err(StoreErrorKind::Lost.into());
            };
            Ok([entry.key.as_str().as_bytes(), &record.to_bytes()].concat())
        });
        let all: Vec<_> = bytes.boxed().try_collect().await.expect("records");
        all.concat()
    }

    /// The keys of all records.
    pub(crate) async fn names(&self) -> Vec<String> {
        let entries = self.store.list(KeyRange::all("x-accounts/".to_owned()));
        let names = entries.map_ok(|entry| entry.key.to_string());
        names.try_collect().await.expect("records")
    }
}

impl Calls {
    /// What the store was asked since the last time.
    pub(crate) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.seen.lock().expect("no panic"))
    }

    /// Fails these calls from now on.
    pub(crate) fn break_at(&self, broken: Which) {
        *self.broken.lock().expect("no panic") = Some(broken);
    }

    pub(crate) fn mend(&self) {
        *self.broken.lock().expect("no panic") = None;
    }
}

#[async_trait]
impl Tap for Calls {
    type Ticket = ();

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        let broken = *self.broken.lock().expect("no panic");
        let fails = broken.is_some_and(|broken| broken(&call));
        self.seen.lock().expect("no panic").push(call);
        if fails { Err(StoreErrorKind::Other.into()) } else { Ok(()) }
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}

fn open(
    store: &Arc<dyn RecordStore>,
    clock: &PatientClock,
    random: &Arc<Seeded>,
    cost: PasswordCost,
) -> Accounts {
    Accounts::with_cost(Arc::clone(store), clock.clone(), Arc::clone(random), cost)
}

/// The least that argon2 does, so that the tests are fast.
pub(crate) fn cheap() -> PasswordCost {
    PasswordCost::new(8, 1).expect("a cost")
}

pub(crate) fn user(name: &str) -> UserName {
    name.parse().expect("a user name")
}

pub(crate) fn groups(names: &[&str]) -> Vec<GroupName> {
    names.iter().map(|name| name.parse().expect("a group name")).collect()
}

pub(crate) fn owner(text: &str) -> KeyOwner {
    text.parse().expect("an owner")
}

pub(crate) fn new_key(text: &str) -> NewKey {
    NewKey { owner: owner(text), description: "for a test".to_owned(), expires: None }
}

pub(crate) fn basic(name: &str, secret: &str) -> Credentials {
    Credentials::Basic { username: name.to_owned(), password: Secret::new(secret) }
}

pub(crate) fn is(name: &str) -> Outcome {
    Outcome::Is(name.to_owned())
}

pub(crate) fn refused(reason: &str) -> Outcome {
    Outcome::Refused(reason.to_owned())
}

pub(crate) async fn login_from(
    at: &dyn Authenticator,
    peer: &str,
    name: &str,
    secret: &str,
) -> Outcome {
    let peer: IpAddr = peer.parse().expect("an address");
    outcome(at.authenticate(&basic(name, secret), Some(peer)).await)
}

pub(crate) fn outcome(result: Result<Authenticated, AuthenticationError>) -> Outcome {
    outcome_of(result.map(|who| who.principal))
}

pub(crate) fn outcome_of(result: Result<Principal, AuthenticationError>) -> Outcome {
    match result {
        Ok(principal) => Outcome::Is(principal.id().to_owned()),
        Err(AuthenticationError::Refused { reason, .. }) => Outcome::Refused(reason.into_owned()),
        Err(AuthenticationError::Throttled { retry_after }) => Outcome::Throttled(retry_after),
        Err(_) => Outcome::Unavailable,
    }
}

/// Alice was right at home, and ten others were wrong for her.
pub(crate) async fn attacked() -> World {
    let world = World::in_memory();
    world.add("alice", "wonderland").await;
    assert_eq!(world.login("alice", "wonderland").await, is("alice"));
    for host in 0..10 {
        let peer = format!("203.0.113.{host}");
        let wrong = login_from(&world.accounts, &peer, "alice", "wrong").await;
        assert_eq!(wrong, refused("the password is wrong"));
    }
    world
}
