//! How callers show who they are: users, keys and tokens.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use registry_adapters::{
    accounts::Accounts,
    htpasswd::Htpasswd,
    jwt::{JsonWebTokens, KeyRing},
    passwords::SavedTries,
    system::{SystemClock, SystemRandom},
};
use registry_core::ports::{Authenticator, Clock, TokenIssuer};
use registry_http::{Realm, TokenService};

use super::{SERVER, expendable::Expendable, stores::Stores};
use crate::{
    config::{Challenge, Config, ConfigError, ConfigErrors, Store},
    failure::Failure,
};

/// Where the keys that sign tokens are, in the data directory.
const TOKEN_KEYS: &str = "token-keys";
/// The name of the registry, where nothing else is known.
const NAME: &str = "registry";

/// How callers show who they are.
pub(crate) struct Login {
    /// The users and keys in the store.
    pub(crate) accounts: Option<Accounts>,
    /// Who finds out who asks; `None` where nobody can log in.
    pub(super) users: Option<Arc<dyn Authenticator>>,
    /// Those of them who are in a file.
    pub(crate) htpasswd: Option<Arc<Htpasswd>>,
    /// Where tokens are made.
    pub(crate) tokens: Option<Tokens>,
    /// Who has to wait, by each of those who compare passwords.
    pub(crate) tries: Vec<Arc<SavedTries>>,
}

/// What makes tokens, and reads them.
pub(crate) struct Tokens {
    pub(crate) issuer: Arc<dyn TokenIssuer>,
    pub(super) service: TokenService,
    /// The keys that sign.
    pub(crate) keys: TokenKeys,
}

/// The keys that sign tokens.
#[derive(Clone)]
pub(crate) struct TokenKeys {
    pub(crate) ring: KeyRing,
    /// Whether this server makes and forgets them by itself.
    pub(crate) are_kept: bool,
    published: Arc<RwLock<String>>,
}

impl Login {
    /// Opens what the configuration names.
    pub(crate) async fn open(config: &Config, stores: &Stores) -> Result<Self, Failure> {
        let accounts = config.accounts.value.then(|| accounts(stores));
        let htpasswd = shared(accounts.as_ref(), htpasswd(config)?);
        let mut tries = Vec::new();
        for (name, of) in [
            ("accounts", accounts.as_ref().map(Accounts::tries)),
            ("htpasswd", htpasswd.as_deref().map(Htpasswd::tries)),
        ] {
            if let Some(of) = of {
                let (name, records) = (format!("{SERVER}.{name}"), Expendable::new(stores));
                let saved = SavedTries::open(of, &name, records, SystemRandom).await;
                tries.push(Arc::new(saved.map_err(Failure::Tries)?));
            }
        }
        let users = authenticator(accounts.clone(), htpasswd.clone());
        let tokens = match &users {
            Some(users) if config.challenge.value != Challenge::Basic => {
                Some(tokens(config, accounts.as_ref(), Arc::clone(users)).await?)
            }
            _ => None,
        };
        Ok(Self { accounts, users, htpasswd, tokens, tries })
    }
}

impl TokenKeys {
    async fn new(ring: KeyRing, are_kept: bool) -> Self {
        let published = Arc::new(RwLock::new(ring.jwks().await));
        Self { ring, are_kept, published }
    }

    /// Publishes the keys as they are now. A new one is published for minutes before it signs.
    pub(crate) async fn publish(&self) {
        let keys = self.ring.jwks().await;
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    fn published(&self) -> String {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The users and keys in the store.
pub(crate) fn accounts(stores: &Stores) -> Accounts {
    Accounts::new(Arc::clone(&stores.records), SystemClock::new(), SystemRandom)
}

/// The keys that sign tokens, where a server has made some or one is configured.
pub(crate) async fn token_keys(config: &Config) -> Result<Option<TokenKeys>, Failure> {
    let is_configured = token_key(config)?.is_some();
    if !is_configured && !own_keys(config).exists() {
        return Ok(None);
    }
    let (ring, are_kept) = key_ring(config, SystemClock::new())?;
    Ok(Some(TokenKeys::new(ring, are_kept).await))
}

/// Whether the files that the configuration names are good.
pub(crate) fn check(config: &Config) -> Result<(), Failure> {
    htpasswd(config)?;
    if let Some(path) = token_key(config)? {
        KeyRing::from_pem_file(path, SystemClock::new())?;
    }
    Ok(())
}

/// The users of the file that the configuration names.
pub(crate) fn htpasswd(config: &Config) -> Result<Option<Htpasswd>, Failure> {
    let path = config.htpasswd.value.path();
    let open = |path| Htpasswd::open(path, SystemClock::new(), SystemRandom);
    Ok(path.map(open).transpose()?)
}

/// Both hash passwords in turns.
fn shared(accounts: Option<&Accounts>, htpasswd: Option<Htpasswd>) -> Option<Arc<Htpasswd>> {
    htpasswd.map(|htpasswd| match accounts {
        Some(accounts) => Arc::new(htpasswd.with_turns(accounts.turns())),
        None => Arc::new(htpasswd),
    })
}

/// The accounts, then the file.
fn authenticator(
    accounts: Option<Accounts>,
    htpasswd: Option<Arc<Htpasswd>>,
) -> Option<Arc<dyn Authenticator>> {
    match (accounts, htpasswd) {
        (None, None) => None,
        (Some(accounts), None) => Some(Arc::new(accounts)),
        (None, Some(htpasswd)) => Some(htpasswd),
        (Some(accounts), Some(htpasswd)) => Some(Arc::new(accounts.before(htpasswd))),
    }
}

async fn tokens(
    config: &Config,
    accounts: Option<&Accounts>,
    users: Arc<dyn Authenticator>,
) -> Result<Tokens, Failure> {
    let (ring, are_kept) = key_ring(config, SystemClock::new())?;
    let keys = TokenKeys::new(ring, are_kept).await;
    let name = config.public_url.value.origin().map_or(NAME.to_owned(), ToString::to_string);
    // An origin may be longer than a realm.
    let realm: Realm = name.parse().unwrap_or_else(|_| super::realm());
    let lifetime = config.token_lifetime.value.get();
    let tokens = JsonWebTokens::new(
        &name,
        realm.as_str(),
        keys.ring.clone(),
        SystemClock::new(),
        SystemRandom,
    );
    let tokens = Arc::new(tokens.with_lifetime(lifetime).expect("the setting has the same bounds"));
    let published = keys.clone();
    let service = TokenService::new(realm, Arc::clone(&tokens), Arc::clone(&tokens), users)
        .keys(move || published.published())
        .not_to_pull_alone(config.refuse_pull_alone.value.kinds());
    let service = match accounts {
        Some(accounts) => service.refresh_tokens(accounts.clone()),
        None => service,
    };
    Ok(Tokens { issuer: tokens, service, keys })
}

/// The keys, and whether they are this server's own to change.
fn key_ring(config: &Config, clock: impl Clock) -> Result<(KeyRing, bool), Failure> {
    Ok(match (token_key(config)?, config.store.value) {
        (Some(path), _) => (KeyRing::from_pem_file(path, clock)?, false),
        (None, Store::Memory) => (KeyRing::in_memory(clock, SystemRandom)?, false),
        (None, Store::Filesystem) => (KeyRing::open(&own_keys(config), clock, SystemRandom)?, true),
    })
}

/// Where the keys are that the server makes.
fn own_keys(config: &Config) -> PathBuf {
    config.data.value.path().join(TOKEN_KEYS)
}

/// The file of the key that several servers may share. A token says for which registry it is, by its
/// public URL: without one they would all be the same.
fn token_key(config: &Config) -> Result<Option<&Path>, Failure> {
    let path = config.token_key.value.path();
    if path.is_some() && config.public_url.value.origin().is_none() {
        let origin = config.token_key.origin.clone();
        return Err(ConfigErrors::from(ConfigError::NamelessTokens { origin }).into());
    }
    Ok(path)
}
