//! Users, a policy, a mint and a limiter that hold everything in a map.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use registry_adapters::system::SystemRandom;
use registry_core::{
    access::{Access, Action, Grant},
    credentials::{Credentials, Secret},
    identity::{CredentialKind, Principal, PrincipalKind},
    ports::{
        AuditError, AuditEvent, AuditLog, Authenticated, AuthenticationError, Authenticator,
        Authorizer, AuthorizerError, Clock, Decision, IssuedToken, Limit, LimitKey, Question,
        RateLimiter, RefreshTokens, StoreError, StoreErrorKind, SubjectKind, Taken, TokenError,
        TokenIssuer, TokenVerifier, VerifiedToken,
    },
    testing::ManualClock,
};
use registry_http::{Builder, Realm, RegistryService, TokenService};

use super::support::*;

pub(crate) const SERVICE: &str = "registry.test";

/// What `Basic` says for alice, for bob, for the key of the project acme and one that it had, and for
/// alice with a wrong password.
pub(crate) const ALICE: &str = "Basic YWxpY2U6d29uZGVy";
pub(crate) const BOB: &str = "Basic Ym9iOmJ1aWxkZXI=";
pub(crate) const ACME: &str = "Basic YWNtZTprZXk=";
pub(crate) const REVOKED: &str = "Basic YWNtZTpvbGQ=";
pub(crate) const WRONG: &str = "Basic YWxpY2U6d3Jvbmc=";

/// Knows alice and bob by their passwords, and acme by its key; counts how often it was asked.
#[derive(Clone, Default)]
pub(crate) struct Users(pub(crate) Arc<AtomicUsize>);

#[async_trait]
impl Authenticator for Users {
    async fn authenticate(
        &self,
        credentials: &Credentials,
        _: Option<IpAddr>,
    ) -> Result<Authenticated, AuthenticationError> {
        self.0.fetch_add(1, SeqCst);
        let principal = |name: &str| {
            let user = Principal::new(PrincipalKind::User, name);
            user.with_credential(CredentialKind::Password, None)
        };
        let user = |name: &str| Ok(Authenticated::new(principal(name)));
        let acme = |key: &str| {
            let acme = Principal::project(&"acme".parse().expect("a name"));
            acme.with_credential(CredentialKind::ProjectKey, Some(key))
        };
        match credentials {
            Credentials::Absent => Ok(Authenticated::new(Principal::anonymous())),
            Credentials::Basic { username, password } => match (&**username, password.expose()) {
                ("alice", "wonder") => user("alice"),
                ("bob", "builder") => user("bob"),
                ("acme", "key") => Ok(Authenticated::new(acme("k1"))),
                ("acme", "old") => {
                    Err(AuthenticationError::refused("the key is revoked").of(acme("k0")))
                }
                ("mallory", _) => {
                    Err(AuthenticationError::Throttled { retry_after: Duration::from_secs(9) })
                }
                ("zoe", _) => Err(AuthenticationError::Unavailable("no directory".into())),
                ("alice", _) => {
                    let refused = AuthenticationError::refused("the password is wrong");
                    Err(refused.of(principal("alice")))
                }
                _ => Err(AuthenticationError::refused("there is no such user")),
            },
            _ => Err(AuthenticationError::refused("only passwords are taken")),
        }
    }
}

/// Everybody pulls from `public`, bob pulls from and pushes to `shared`, acme does everything, and so
/// does alice.
pub(crate) struct Policy;

#[async_trait]
impl Authorizer for Policy {
    async fn authorize(
        &self,
        principal: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        let decide = |question: &Question| {
            let Access { action, resource } = &question.access;
            let name = resource.repository().map_or("", |name| name.as_str());
            match (principal.id(), name, action) {
                ("alice" | "acme", _, _)
                | (_, "public" | "acme/public", Action::Pull)
                | ("bob", "shared", Action::Pull | Action::Push | Action::Overwrite) => {
                    Decision::allow("may")
                }
                _ => Decision::deny("may not"),
            }
        };
        Ok(questions.iter().map(decide).collect())
    }
}

/// Makes tokens that say nothing to anybody else.
#[derive(Clone, Default)]
pub(crate) struct Mint {
    pub(crate) made: Arc<Mutex<HashMap<String, VerifiedToken>>>,
    pub(crate) refreshing: Arc<Mutex<HashMap<String, Principal>>>,
    pub(crate) lifetime: Duration,
    pub(crate) fails: Option<fn() -> TokenError>,
}

impl Mint {
    /// A token as the token service would have made it.
    pub(crate) fn make(&self, principal: &Principal, scopes: &str) -> String {
        self.keep(principal, &Grant::parse_scopes(scopes))
    }

    /// What a token says.
    pub(crate) fn read(&self, token: &str) -> (String, Vec<String>) {
        let made = self.made.lock().expect("no panic");
        let VerifiedToken { principal, grants } = &made[token];
        (principal.owner(), grants.iter().filter_map(Grant::to_scope).collect())
    }

    fn keep(&self, principal: &Principal, grants: &[Grant]) -> String {
        let mut made = self.made.lock().expect("no panic");
        let token = format!("token.{}", made.len());
        let says = VerifiedToken { principal: principal.clone(), grants: grants.into() };
        made.insert(token.clone(), says);
        token
    }

    fn check(&self) -> Result<(), TokenError> {
        self.fails.map_or(Ok(()), |error| Err(error()))
    }
}

#[async_trait]
impl TokenIssuer for Mint {
    async fn issue(&self, who: &Principal, grants: &[Grant]) -> Result<IssuedToken, TokenError> {
        self.check()?;
        let token = Secret::new(self.keep(who, grants));
        let issued = ManualClock::default().now();
        Ok(IssuedToken { token, issued, lifetime: self.lifetime })
    }
}

#[async_trait]
impl TokenVerifier for Mint {
    async fn verify(
        &self,
        token: &Secret,
        accepted: &[PrincipalKind],
    ) -> Result<VerifiedToken, AuthenticationError> {
        let made = self.made.lock().expect("no panic");
        let token = made.get(token.expose());
        let token = token.filter(|token| accepted.contains(&token.principal.kind()));
        token.cloned().ok_or(AuthenticationError::refused("the token is none of ours"))
    }
}

#[async_trait]
impl RefreshTokens for Mint {
    async fn issue(&self, principal: &Principal) -> Result<Option<Secret>, TokenError> {
        if principal.credential() != CredentialKind::Password {
            return Ok(None);
        }
        let token = format!("refresh-{}", principal.id());
        let mut refreshing = self.refreshing.lock().expect("no panic");
        refreshing.insert(token.clone(), principal.clone());
        Ok(Some(Secret::new(token)))
    }

    async fn redeem(&self, token: &Secret) -> Result<Principal, AuthenticationError> {
        let refreshing = self.refreshing.lock().expect("no panic");
        let principal = refreshing.get(token.expose()).cloned();
        principal.ok_or(AuthenticationError::refused("the refresh token is not known"))
    }
}

/// So many of each in ten seconds; what is not named has no limit.
pub(crate) struct Windows {
    pub(crate) most: HashMap<Limit, u64>,
    pub(crate) clock: Arc<ManualClock>,
    taken: Mutex<HashMap<LimitKey, (Duration, u64)>>,
}

impl Windows {
    pub(crate) fn new(
        most: impl IntoIterator<Item = (Limit, u64)>,
        clock: &Arc<ManualClock>,
    ) -> Arc<Self> {
        let (most, clock) = (most.into_iter().collect(), Arc::clone(clock));
        Arc::new(Self { most, clock, taken: Mutex::default() })
    }

    /// How many are taken, by what shows the share.
    pub(crate) fn taken(&self, limit: Limit, subject: &str) -> u64 {
        let taken = self.taken.lock().expect("no panic");
        let mine = |key: &&LimitKey| key.limit == limit && key.subject.to_string() == subject;
        taken.keys().find(mine).map_or(0, |key| taken[key].1)
    }

    /// Everybody who took anything.
    pub(crate) fn subjects(&self) -> Vec<String> {
        let taken = self.taken.lock().expect("no panic");
        let mut all: Vec<_> =
            taken.keys().map(|key| format!("{} {}", key.limit.as_str(), key.subject)).collect();
        all.sort();
        all
    }
}

#[async_trait]
impl RateLimiter for Windows {
    fn limits(&self, _: Limit, _: SubjectKind) -> bool {
        true
    }

    async fn take(&self, key: &LimitKey, want: u64) -> Result<Taken, StoreError> {
        let now = self.clock.monotonic();
        let most = self.most.get(&key.limit).copied().unwrap_or(u64::MAX);
        let mut taken = self.taken.lock().expect("no panic");
        let (since, count) = taken.entry(key.clone()).or_insert((now, 0));
        let end = *since + Duration::from_secs(10);
        if now >= end {
            (*since, *count) = (now, 0);
        }
        if *count + want > most {
            return Ok(Taken::Wait(end - now));
        }
        *count += want;
        Ok(Taken::Granted(want))
    }

    async fn give_back(&self, key: &LimitKey, unused: u64) -> Result<(), StoreError> {
        let mut taken = self.taken.lock().expect("no panic");
        if let Some((_, count)) = taken.get_mut(key) {
            *count -= unused;
        }
        Ok(())
    }
}

/// A limiter that cannot reach what it counts in.
pub(crate) struct Broken;

#[async_trait]
impl RateLimiter for Broken {
    fn limits(&self, _: Limit, _: SubjectKind) -> bool {
        true
    }

    async fn take(&self, _: &LimitKey, _: u64) -> Result<Taken, StoreError> {
        Err(StoreError::new(StoreErrorKind::Other))
    }

    async fn give_back(&self, _: &LimitKey, _: u64) -> Result<(), StoreError> {
        Err(StoreError::new(StoreErrorKind::Other))
    }
}

/// Keeps every event.
#[derive(Clone, Default)]
pub(crate) struct Events(pub(crate) Arc<Mutex<Vec<AuditEvent>>>, pub(crate) bool);

#[async_trait]
impl AuditLog for Events {
    async fn record(&self, event: &AuditEvent) -> Result<(), AuditError> {
        self.0.lock().expect("no panic").push(event.clone());
        if self.1 { Err(AuditError("the disk is full".into())) } else { Ok(()) }
    }
}

pub(crate) fn realm() -> Realm {
    SERVICE.parse().expect("a realm")
}

pub(crate) fn mint() -> Mint {
    Mint { lifetime: Duration::from_secs(300), ..Mint::default() }
}

/// A token service of these users and this mint.
pub(crate) fn token_service(mint: &Mint) -> TokenService {
    TokenService::new(realm(), mint.clone(), mint.clone(), Users::default())
        .refresh_tokens(mint.clone())
}

/// The service of a fresh registry with this policy, whose time stands still.
pub(crate) fn builder() -> Builder {
    let clock = Arc::new(ManualClock::default());
    RegistryService::builder(registry(Policy).build(), clock, SystemRandom)
}

/// A service that challenges for the tokens of this mint.
pub(crate) fn service(mint: &Mint) -> RegistryService {
    builder().tokens(token_service(mint)).build()
}

pub(crate) fn user(name: &str) -> Principal {
    Principal::new(PrincipalKind::User, name)
}
