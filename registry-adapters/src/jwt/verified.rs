//! The tokens whose signatures were right: a client shows the same one with every request of a pull,
//! and a signature takes longer to check than a manifest takes to be found.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use registry_core::{credentials::Secret, identity::PrincipalKind, ports::VerifiedToken};
use sha2::{Digest, Sha256};

use super::{Refusal, claims::Claims, key::Key};
use crate::recent::Recent;

/// How many are remembered …
const TOKENS: usize = 1024;
/// … of at most so many bytes. One and what was read of it take some four times as much, so that all
/// take some 16 MiB at most. Few have as much as 1 KiB; a longer one is checked each time.
const MAX_LENGTH: usize = 4 << 10;

/// How much of its end finds a token: enough of the signature that nobody guesses it. Whether the
/// rest is the same is compared, which takes a tenth of the time that hashing it would.
const END: usize = 64;

/// What was read of them, by their ends: those that were used last. Only what was signed by one of
/// our keys comes in, and was good then.
pub(super) struct Verified(Mutex<Recent<Hash, Arc<Signed>>>);

/// What a token says, and who says so.
pub(super) struct Signed {
    pub(super) kind: PrincipalKind,
    pub(super) key: Arc<Key>,
    pub(super) claims: Claims,
    pub(super) says: VerifiedToken,
    pub(super) token: Secret,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Hash([u8; 32]);

impl Verified {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Recent::new(TOKENS)))
    }

    /// What a token says, which may be over by now.
    pub(super) fn get(&self, token: &str) -> Option<Arc<Signed>> {
        let found = self.memory().touch(&Hash::of(token)).cloned();
        found.filter(|signed| signed.is_of(token))
    }

    /// Remembers what a token says, and forgets what is over.
    pub(super) fn insert(&self, signed: Arc<Signed>, now: u64) {
        let mut memory = self.memory();
        memory.drop_oldest(|signed| signed.claims.exp <= now);
        if signed.token.expose().len() <= MAX_LENGTH {
            memory.insert(Hash::of(signed.token.expose()), signed);
        }
    }

    /// Forgets a token that is no longer good.
    pub(super) fn forget(&self, signed: &Signed) {
        self.memory().remove(&Hash::of(signed.token.expose()));
    }

    fn memory(&self) -> MutexGuard<'_, Recent<Hash, Arc<Signed>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signed {
    /// What it says to somebody who accepts these kinds.
    pub(super) fn said_to(&self, accepted: &[PrincipalKind]) -> Result<VerifiedToken, Refusal> {
        if accepted.contains(&self.kind) { Ok(self.says.clone()) } else { Err(Refusal::Kind) }
    }

    fn is_of(&self, token: &str) -> bool {
        verify_slices_are_equal(self.token.expose().as_bytes(), token.as_bytes()).is_ok()
    }
}

impl Hash {
    fn of(token: &str) -> Self {
        let end = token.len().saturating_sub(END);
        Self(Sha256::digest(&token.as_bytes()[end..]).into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use registry_core::{
        access::{Action, Grant},
        credentials::Secret,
        identity::Principal,
        ports::{TokenIssuer, TokenVerifier},
        testing::{ManualClock, Seeded},
    };

    use super::*;
    use crate::jwt::{JsonWebTokens, KeyRing};

    fn world() -> (Arc<ManualClock>, JsonWebTokens) {
        let clock = Arc::new(ManualClock::default());
        let keys = KeyRing::in_memory(Arc::clone(&clock), Seeded::default()).expect("a key");
        let random = Seeded::default();
        let tokens = JsonWebTokens::new("issuer", "service", keys, Arc::clone(&clock), random);
        (clock, tokens)
    }

    /// Makes a token with so many grants, and reads it.
    async fn read(tokens: &JsonWebTokens, grants: usize) -> Secret {
        let grant = Grant::repository(&"team/app".parse().expect("a name"), [Action::Pull]);
        let issued = tokens.issue(&Principal::anonymous(), &vec![grant; grants]).await;
        let token = issued.expect("a token").token;
        again(tokens, &token).await;
        token
    }

    async fn again(tokens: &JsonWebTokens, token: &Secret) {
        tokens.verify(token, &[PrincipalKind::Anonymous]).await.expect("it is good");
    }

    fn knows(tokens: &JsonWebTokens, token: &Secret) -> bool {
        tokens.verified.get(token.expose()).is_some()
    }

    #[tokio::test]
    async fn one_that_is_used_is_not_pushed_out_by_those_that_are_not() {
        let (_, tokens) = world();
        let used = read(&tokens, 0).await;
        let unused = read(&tokens, 0).await;
        for _ in 0..TOKENS {
            read(&tokens, 0).await;
            again(&tokens, &used).await;
        }
        assert_eq!((knows(&tokens, &used), knows(&tokens, &unused)), (true, false));
    }

    #[tokio::test]
    async fn one_with_the_end_of_another_is_another() {
        let (_, tokens) = world();
        let token = read(&tokens, 1).await;
        let [head, claims, signature] = [0, 1, 2].map(|i| token.expose().split('.').nth(i));
        let (head, claims, signature) = (head.unwrap(), claims.unwrap(), signature.unwrap());
        let other = read(&tokens, 2).await;
        let others = other.expose().split('.').nth(1).unwrap();
        assert!(knows(&tokens, &Secret::new(format!("{head}.{claims}.{signature}"))));
        for forged in [format!("{head}.{others}.{signature}"), format!("{claims}.{signature}")] {
            let forged = Secret::new(forged);
            assert!(!knows(&tokens, &forged), "{}", forged.expose());
            tokens.verify(&forged, &[PrincipalKind::Anonymous]).await.expect_err("it is forged");
        }
    }

    #[tokio::test]
    async fn one_that_is_over_is_forgotten() {
        let (clock, tokens) = world();
        let (shown, unshown) = (read(&tokens, 0).await, read(&tokens, 0).await);
        clock.advance(Duration::from_secs(300));
        tokens.verify(&shown, &[PrincipalKind::Anonymous]).await.expect_err("it is over");
        assert_eq!((knows(&tokens, &shown), knows(&tokens, &unshown)), (false, true));
        read(&tokens, 0).await;
        assert!(!knows(&tokens, &unshown), "when another comes");
    }

    #[tokio::test]
    async fn a_long_one_is_good_and_not_remembered() {
        let (_, tokens) = world();
        let [short, long] = [read(&tokens, 30).await, read(&tokens, 60).await];
        let [is_short, is_long] = [&short, &long].map(|token| token.expose().len() <= MAX_LENGTH);
        assert_eq!((is_short, is_long), (true, false));
        assert_eq!((knows(&tokens, &short), knows(&tokens, &long)), (true, false));
    }
}
