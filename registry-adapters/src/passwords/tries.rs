//! What is remembered of the tries so far.

use std::{
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use registry_core::ports::{Clock, Random};

use super::{
    failures::{Failures, Left},
    fingerprint::{Fingerprint, Fingerprints},
};
use crate::recent::Recent;

/// How long an address is one from which the user comes.
const AT_HOME: Duration = Duration::from_secs(24 * 60 * 60);
/// How many logins, and how many users' addresses, are remembered.
const LOGINS: usize = 1024;
/// How many addresses, and how many names, are remembered to have failed.
const FAILED: usize = 8192;

/// What is remembered of the tries to log in with passwords and keys. Clones are the same.
#[derive(Clone)]
pub struct Tries(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    fingerprints: RwLock<Fingerprints>,
    memory: Mutex<Memory>,
}

/// What is remembered and may outlast the process, by what it is.
pub(super) type Tables<'a> = Vec<(&'a str, Left)>;

/// What is remembered of the tries so far.
pub(super) struct Memory {
    by_address: Failures,
    /// By what they said to be. Names that are no user's are among them: they wait, and are
    /// forgotten, as users are, so that neither tells which is which.
    by_name: Failures,
    /// By the user at an address that is the user's.
    at_home: Failures,
    /// Of keys, by address.
    #[cfg(feature = "accounts")]
    pub(super) of_keys: Failures,
    /// When a password was right.
    pub(super) right: Recent<Fingerprint, Duration>,
    /// Until when an address is the user's, who was right there.
    home: Recent<Fingerprint, Duration>,
    /// Whether there is more of this than was written down last.
    pub(super) is_changed: bool,
}

/// Somebody says to be a user.
pub(crate) struct Claim {
    pub(super) user: Fingerprint,
    /// Where from, and whether it is that user's address.
    pub(super) address: Option<(Fingerprint, Fingerprint)>,
}

impl Shared {
    pub(super) fn new(clock: Arc<dyn Clock>, random: &dyn Random) -> Self {
        let fingerprints = RwLock::new(Fingerprints::new(random));
        Self { clock, fingerprints, memory: Mutex::new(Memory::new()) }
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

    pub(super) fn fingerprints(&self) -> Fingerprints {
        *self.fingerprints.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    const fn new() -> Self {
        Self {
            by_address: Failures::new(FAILED),
            by_name: Failures::new(FAILED),
            at_home: Failures::new(LOGINS),
            #[cfg(feature = "accounts")]
            of_keys: Failures::new(FAILED),
            right: Recent::new(LOGINS),
            home: Recent::new(LOGINS),
            is_changed: false,
        }
    }

    pub(super) fn wait(&self, claim: &Claim, now: Duration) -> Option<Duration> {
        let by_name = || self.by_name.wait(&claim.user, now);
        match &claim.address {
            Some((_, place)) if self.is_home(place, now) => self.at_home.wait(place, now),
            Some((address, _)) => self.by_address.wait(address, now).max(by_name()),
            None => by_name(),
        }
    }

    pub(super) fn is_home(&self, place: &Fingerprint, now: Duration) -> bool {
        self.home.get(place).is_some_and(|until| now < *until)
    }

    pub(super) fn succeeded(&mut self, claim: &Claim, login: Fingerprint, now: Duration) {
        self.right.insert(login, now);
        self.welcome(claim, now);
    }

    pub(super) fn welcome(&mut self, claim: &Claim, now: Duration) {
        if let Some((_, place)) = claim.address {
            self.home.insert(place, now + AT_HOME);
            self.is_changed = true;
        }
    }

    pub(super) fn failed(&mut self, claim: &Claim, now: Duration) {
        self.by_name.count(claim.user, now);
        if let Some((address, place)) = claim.address {
            self.is_changed = true;
            self.by_address.count(address, now);
            if self.is_home(&place, now) {
                self.at_home.count(place, now);
            }
        }
    }

    /// What may outlast the process. Names do not: one that is no user's may be a password, and if
    /// only users were kept, a restart would tell who they are.
    fn left(&self, now: Duration) -> Tables<'static> {
        let home = self.home.iter().filter_map(|(place, until)| {
            let left = until.checked_sub(now).filter(|left| !left.is_zero())?;
            Some((*place, vec![left]))
        });
        vec![
            ("by-address", self.by_address.left(now)),
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

impl fmt::Debug for Tries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tries").finish_non_exhaustive()
    }
}
