//! A file of users, a clock that a test moves, and questions.

use std::{fs, net::IpAddr, sync::Arc, time::Duration};

use registry_adapters::htpasswd::{Htpasswd, HtpasswdError};
use registry_core::{
    credentials::{Credentials, Secret},
    ports::{AuthenticationError, Authenticator},
    testing::{PatientClock, Seeded},
};
use tempfile::TempDir;

use crate::log;

pub(crate) const HOME: &str = "192.0.2.1";
pub(crate) const AWAY: &str = "198.51.100.1";

/// An authenticator on a file of its own.
pub(crate) struct World {
    pub(crate) htpasswd: Arc<Htpasswd>,
    clock: PatientClock,
    directory: TempDir,
}

/// What came out of a try.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Is(String),
    Refused,
    Throttled(Duration),
}

/// The line of a user. The lowest cost there is, so that the tests are fast.
pub(crate) fn line(name: &str, password: &str) -> String {
    line_of_cost(name, password, 4)
}

pub(crate) fn line_of_cost(name: &str, password: &str, cost: u32) -> String {
    let salt = Seeded::default();
    let mut bytes = [0; 16];
    registry_core::ports::Random::fill(&salt, &mut bytes);
    let hash = bcrypt::hash_with_salt(password, cost, bytes).expect("a hash");
    format!("{name}:{hash}\n")
}

impl World {
    pub(crate) fn new(file: &str) -> Self {
        log::start();
        let directory = TempDir::new().expect("a directory");
        fs::write(directory.path().join("users"), file).expect("a file");
        let clock = PatientClock::default();
        let path = directory.path().join("users");
        let htpasswd = Htpasswd::open(&path, clock.clone(), Seeded::default()).expect("users");
        Self { htpasswd: Arc::new(htpasswd), clock, directory }
    }

    /// Replaces the file, and lets the time pass until it is looked at.
    pub(crate) fn replace(&self, file: &str) {
        let new = self.directory.path().join("new");
        fs::write(&new, file).expect("a file");
        fs::rename(new, self.path()).expect("a file");
        self.pass(1);
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("users")
    }

    /// Lets so many seconds pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn try_from(&self, peer: &str, name: &str, password: &str) -> Outcome {
        let peer: IpAddr = peer.parse().expect("an address");
        outcome(self.htpasswd.authenticate(&basic(name, password), Some(peer)).await)
    }

    pub(crate) async fn is_right(&self, name: &str, password: &str) -> bool {
        match self.try_from(HOME, name, password).await {
            Outcome::Is(user) => user == name,
            Outcome::Refused => false,
            other => panic!("{other:?}"),
        }
    }

    /// Is wrong ten times from that address, which is as often as one may be.
    pub(crate) async fn fail_ten_times(&self, peer: &str, name: &str) {
        for _ in 0..10 {
            assert_eq!(self.try_from(peer, name, "wrong").await, Outcome::Refused);
        }
    }
}

pub(crate) fn basic(name: &str, password: &str) -> Credentials {
    Credentials::Basic { username: name.to_owned(), password: Secret::new(password) }
}

pub(crate) fn outcome(
    result: Result<registry_core::ports::Authenticated, AuthenticationError>,
) -> Outcome {
    match result {
        Ok(who) => Outcome::Is(who.principal.id().to_owned()),
        Err(AuthenticationError::Refused { .. }) => Outcome::Refused,
        Err(AuthenticationError::Throttled { retry_after }) => Outcome::Throttled(retry_after),
        Err(error) => panic!("{error:?}"),
    }
}

/// Why a file cannot be used.
pub(crate) fn error(path: &std::path::Path) -> HtpasswdError {
    let opened = Htpasswd::open(path, PatientClock::default(), Seeded::default());
    opened.expect_err("the file is wrong")
}
