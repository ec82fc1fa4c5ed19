//! What stands before the slow comparison of a password with its hash.
//!
//! What was found right is remembered for a minute, so that the requests of a pull cost one hash
//! together; what was wrong never is.
//!
//! Whoever is wrong ten times within a minute, from one address or for one user, has to wait until
//! the first of them is a minute old; that is decided before a hash is computed. At an address from
//! which a user was right within the last day, only what was wrong there for that user counts: others
//! who share the address, or try that name from elsewhere, do not lock the user out.
//!
//! Keys are not guessed, and cost no slow hash. One that is good is let in whatever came before it,
//! and those that are refused are counted apart from passwords.

use std::{
    mem,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use registry_core::{
    credentials::Secret,
    ports::{AuthenticationError, Clock, Random},
};

use super::{
    failures::{Failures, Left},
    fingerprint::{Fingerprint, Fingerprints},
    line::Standing,
    saved::Tries,
    turns::{Scratch, Turns},
};
use crate::recent::Recent;

/// How long a password that was right is taken for right.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How long an address is one from which the user comes.
const AT_HOME: Duration = Duration::from_secs(24 * 60 * 60);
/// How many logins, and how many users' addresses, are remembered.
const LOGINS: usize = 1024;
/// How many addresses, and how many users, are remembered to have failed.
const FAILED: usize = 8192;

/// Who is compared, who is known, and who has to wait.
pub(crate) struct Guard {
    pub(crate) turns: Turns,
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    fingerprints: RwLock<Fingerprints>,
    memory: Mutex<Memory>,
}

/// What is remembered and may outlast the process, by what it is.
pub(super) type Tables<'a> = Vec<(&'a str, Left)>;

/// What is remembered of the tries so far.
struct Memory {
    by_address: Failures,
    by_user: Failures,
    /// By names that are no user's.
    by_name: Failures,
    /// By the user at an address that is the user's.
    at_home: Failures,
    /// Of keys, by address.
    #[cfg(feature = "accounts")]
    of_keys: Failures,
    /// When a password was right.
    right: Recent<Fingerprint, Duration>,
    /// Until when an address is the user's, who was right there.
    home: Recent<Fingerprint, Duration>,
    /// Whether there is more of this than was written down last.
    is_changed: bool,
}

/// Somebody says to be a user.
pub(crate) struct Claim {
    user: Fingerprint,
    /// Where from, and whether it is that user's address.
    address: Option<(Fingerprint, Fingerprint)>,
}

/// A password for what somebody claims.
pub(crate) struct Attempt {
    claim: Claim,
    /// The name for the log, where there is such a user: somebody may have typed a password in the
    /// place of another.
    user: Option<Box<str>>,
    /// Of the password with the user's hash, or why there is none that counts.
    login: Result<Fingerprint, &'static str>,
}

impl Guard {
    pub(crate) fn new(clock: Arc<dyn Clock>, random: &dyn Random) -> Self {
        let fingerprints = RwLock::new(Fingerprints::new(random));
        let memory = Mutex::new(Memory::new());
        let shared = Arc::new(Shared { clock, fingerprints, memory });
        Self { turns: Turns::default(), shared }
    }

    /// What it remembers.
    pub(crate) fn tries(&self) -> Tries {
        Tries(Arc::clone(&self.shared))
    }

    /// Somebody says to be this user.
    pub(crate) fn user(&self, username: &str, peer: Option<IpAddr>) -> Claim {
        let of = self.shared.fingerprints();
        let user = of.user(username);
        Claim { user, address: of.place(user, peer) }
    }

    /// A password, which may be the one with this hash. Where no hash counts, this says why, and the
    /// outcome is a refusal with that reason.
    pub(crate) fn attempt(
        &self,
        claim: Claim,
        username: &str,
        password: &Secret,
        hash: Result<&str, &'static str>,
    ) -> Attempt {
        let of = self.shared.fingerprints();
        let login = hash.map(|hash| of.login(claim.user, password.expose(), hash));
        Attempt { claim, user: hash.is_ok().then(|| username.into()), login }
    }

    /// Whether a password is right, by what is remembered or else by comparing it with its hash.
    /// The comparison takes as long whether or not there is a hash that counts.
    ///
    /// # Errors
    /// `Refused`; `Throttled` for whoever has to wait; `Unavailable`.
    pub(crate) async fn check(
        &self,
        attempt: Attempt,
        compare: impl FnOnce(&mut Scratch) -> Result<(), &'static str> + Send + 'static,
    ) -> Result<(), AuthenticationError> {
        if let Some(known) = self.shared.known(&attempt) {
            return known;
        }
        let (standing, shared) = (self.shared.standing(&attempt.claim), Arc::clone(&self.shared));
        // Once it has begun it goes on when the client hangs up: the hash is computed anyway, and has
        // to count.
        let hash = move |scratch: &mut Scratch| {
            // Another request of the same client may have been first.
            let known = shared.known(&attempt);
            known.unwrap_or_else(|| shared.settle(&attempt, compare(scratch)))
        };
        self.turns.compute(standing, &*self.shared.clock, hash).await?
    }
}

/// For those whose users and keys are in a store, which is not asked about a user for whom somebody
/// has to wait.
#[cfg(feature = "accounts")]
impl Guard {
    /// Goes on unless this one has to wait.
    ///
    /// # Errors
    /// `Throttled`.
    pub(crate) fn admit(&self, claim: &Claim) -> Result<(), AuthenticationError> {
        let now = self.shared.clock.monotonic();
        or_wait(self.shared.memory().wait(claim, now))
    }

    /// Somebody else found this user to be right.
    pub(crate) fn welcome(&self, claim: &Claim) {
        let now = self.shared.clock.monotonic();
        self.shared.memory().welcome(claim, now);
    }

    /// Counts a key that is refused, unless this address has to wait with such.
    ///
    /// # Errors
    /// `Throttled`.
    pub(crate) fn refused_key(&self, peer: Option<IpAddr>) -> Result<(), AuthenticationError> {
        let Some(address) = peer.map(|address| self.shared.fingerprints().address(address)) else {
            return Ok(());
        };
        let now = self.shared.clock.monotonic();
        let mut memory = self.shared.memory();
        or_wait(memory.of_keys.wait(&address, now))?;
        memory.of_keys.count(address, now);
        memory.is_changed = true;
        Ok(())
    }
}

#[cfg(feature = "accounts")]
fn or_wait(wait: Option<Duration>) -> Result<(), AuthenticationError> {
    wait.map_or(Ok(()), |retry_after| Err(AuthenticationError::Throttled { retry_after }))
}

impl Shared {
    /// The answer that needs no hash. Who has to wait is not compared with what is remembered
    /// either: that would be a way to try passwords without end.
    fn known(&self, attempt: &Attempt) -> Option<Result<(), AuthenticationError>> {
        let now = self.clock.monotonic();
        let memory = self.memory();
        if let Some(retry_after) = memory.wait(&attempt.claim, now) {
            return Some(Err(AuthenticationError::Throttled { retry_after }));
        }
        let right = memory.right.get(&attempt.login.ok()?)?;
        (now < *right + REMEMBERED).then_some(Ok(()))
    }

    /// Who wants a turn.
    fn standing(&self, claim: &Claim) -> Standing {
        let now = self.clock.monotonic();
        let Some((address, place)) = &claim.address else { return Standing::STRANGER };
        Standing { is_known: self.memory().is_home(place, now), address: Some(*address) }
    }

    /// Remembers what came out.
    fn settle(
        &self,
        attempt: &Attempt,
        compared: Result<(), &'static str>,
    ) -> Result<(), AuthenticationError> {
        let outcome = attempt.login.and_then(|login| compared.map(|()| login));
        tracing::debug!(
            user = attempt.user,
            right = outcome.is_ok(),
            "compared a password with a hash"
        );
        let now = self.clock.monotonic();
        match outcome {
            Ok(login) => self.memory().succeeded(&attempt.claim, login, now),
            Err(_) => self.memory().failed(&attempt.claim, attempt.user.is_some(), now),
        }
        outcome.map(drop).map_err(AuthenticationError::refused)
    }

    /// What is to be written down, with the key of its fingerprints; `None` where it is.
    pub(super) fn changed(&self) -> Option<([u8; 32], Tables<'static>)> {
        let now = self.clock.monotonic();
        let mut memory = self.memory();
        mem::take(&mut memory.is_changed).then(|| (self.fingerprints().names(), memory.left(now)))
    }

    /// It was not written down.
    pub(super) fn change(&self) {
        self.memory().is_changed = true;
    }

    /// Goes on with what was written down, before anybody tries.
    pub(super) fn recall(&self, names: [u8; 32], tables: Tables<'_>) {
        let now = self.clock.monotonic();
        let of = self.fingerprints().with_names(names);
        *self.fingerprints.write().unwrap_or_else(PoisonError::into_inner) = of;
        self.memory().recall(tables, now);
    }

    fn fingerprints(&self) -> Fingerprints {
        *self.fingerprints.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    const fn new() -> Self {
        Self {
            by_address: Failures::new(FAILED),
            by_user: Failures::new(FAILED),
            by_name: Failures::new(FAILED),
            at_home: Failures::new(LOGINS),
            #[cfg(feature = "accounts")]
            of_keys: Failures::new(FAILED),
            right: Recent::new(LOGINS),
            home: Recent::new(LOGINS),
            is_changed: false,
        }
    }

    fn wait(&self, claim: &Claim, now: Duration) -> Option<Duration> {
        let by_user =
            || self.by_user.wait(&claim.user, now).max(self.by_name.wait(&claim.user, now));
        match &claim.address {
            Some((_, place)) if self.is_home(place, now) => self.at_home.wait(place, now),
            Some((address, _)) => self.by_address.wait(address, now).max(by_user()),
            None => by_user(),
        }
    }

    fn is_home(&self, place: &Fingerprint, now: Duration) -> bool {
        self.home.get(place).is_some_and(|until| now < *until)
    }

    fn succeeded(&mut self, claim: &Claim, login: Fingerprint, now: Duration) {
        self.right.insert(login, now);
        self.welcome(claim, now);
    }

    fn welcome(&mut self, claim: &Claim, now: Duration) {
        if let Some((_, place)) = claim.address {
            self.home.insert(place, now + AT_HOME);
            self.is_changed = true;
        }
    }

    fn failed(&mut self, claim: &Claim, is_user: bool, now: Duration) {
        self.is_changed = true;
        let by = if is_user { &mut self.by_user } else { &mut self.by_name };
        by.count(claim.user, now);
        if let Some((address, place)) = claim.address {
            self.by_address.count(address, now);
            if self.is_home(&place, now) {
                self.at_home.count(place, now);
            }
        }
    }

    /// What is kept, but for what may be a password.
    fn left(&self, now: Duration) -> Tables<'static> {
        let home = self.home.iter().filter_map(|(place, until)| {
            let left = until.checked_sub(now).filter(|left| !left.is_zero())?;
            Some((*place, vec![left]))
        });
        vec![
            ("by-address", self.by_address.left(now)),
            ("by-user", self.by_user.left(now)),
            ("at-home", self.at_home.left(now)),
            #[cfg(feature = "accounts")]
            ("of-keys", self.of_keys.left(now)),
            ("home", home.collect()),
        ]
    }

    fn recall(&mut self, tables: Tables<'_>, now: Duration) {
        for (name, rows) in tables {
            match name {
                "by-address" => self.by_address.recall(rows, now),
                "by-user" => self.by_user.recall(rows, now),
                "at-home" => self.at_home.recall(rows, now),
                #[cfg(feature = "accounts")]
                "of-keys" => self.of_keys.recall(rows, now),
                "home" => {
                    for (place, left) in rows {
                        if let Some(left) = left.first() {
                            self.home.insert(place, now + (*left).min(AT_HOME));
                        }
                    }
                }
                // Of another version.
                _ => {}
            }
        }
    }
}
