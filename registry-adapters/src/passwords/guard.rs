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

use std::{net::IpAddr, sync::Arc, time::Duration};

use registry_core::{
    credentials::Secret,
    ports::{AuthenticationError, Clock, Random},
};

use super::{
    fingerprint::Fingerprint,
    line::Standing,
    tries::{Claim, Shared, Tries},
    turns::{Scratch, Turns},
};

/// How long a password that was right is taken for right.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Who is compared, who is known, and who has to wait.
pub(crate) struct Guard {
    pub(crate) turns: Turns,
    shared: Arc<Shared>,
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
        Self { turns: Turns::default(), shared: Arc::new(Shared::new(clock, random)) }
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
            Err(_) => self.memory().failed(&attempt.claim, now),
        }
        outcome.map(drop).map_err(AuthenticationError::refused)
    }
}
