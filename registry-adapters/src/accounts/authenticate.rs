//! Who logs in, with a password or a key.

use std::{error::Error, net::IpAddr, sync::Arc};

use async_trait::async_trait;
use registry_core::{
    credentials::{Credentials, Secret},
    identity::{CredentialKind, Principal, PrincipalKind},
    ports::{Authenticated, AuthenticationError, Authenticator},
};

use super::{
    Accounts, GroupName, KeyOwner, SecretKind, UserName,
    key::KeyRecord,
    password,
    secret::{self, SecretHash},
    user::UserRecord,
};
use crate::passwords::Scratch;

/// Why a password is refused, for the log.
const NOBODY: &str = "there is no such user";

/// Basic credentials: a secret that starts with [`RESERVED_PREFIX`](super::RESERVED_PREFIX) is tried
/// as a key of the kind that its prefix says and as nothing else, any other is a user's password.
/// Whoever sends none is anonymous; tokens are refused.
///
/// | key | user name |
/// |---|---|
/// | a user's | the user's |
/// | a project's | the project's name, or its id |
/// | a runner's | any that is not empty |
///
/// A user's principal has the user's groups, a key's its id.
#[async_trait]
impl Authenticator for Accounts {
    async fn authenticate(
        &self,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<Authenticated, AuthenticationError> {
        let principal = match credentials {
            Credentials::Absent => Principal::anonymous(),
            Credentials::Basic { username, password } => {
                if secret::is_reserved(password) {
                    self.by_key(username, password, peer).await?
                } else {
                    self.by_password(username, password, peer).await?
                }
            }
            _ => return Err(AuthenticationError::refused("it is not a user name and a password")),
        };
        Ok(Authenticated::new(principal))
    }

    fn is_guarded(&self, _: &Credentials) -> bool {
        true
    }
}

impl Accounts {
    /// A password is compared with a hash also where there is no such user and where it is disabled,
    /// so that time does not tell.
    async fn by_password(
        &self,
        username: &str,
        password: &Secret,
        peer: Option<IpAddr>,
    ) -> Result<Principal, AuthenticationError> {
        let claim = self.0.guard.user(username, peer);
        self.0.guard.admit(&claim)?;
        let found = self.find_user(username).await?;
        let hash = match &found {
            None => Err(NOBODY),
            Some((_, user)) if user.disabled => Err("the user is disabled"),
            Some((_, user)) => Ok(&*user.password),
        };
        let attempt = self.0.guard.attempt(claim, username, password, hash);
        let hash = hash.map_or_else(|_| self.0.cost.nobody(), str::to_owned);
        let password = password.clone();
        let compare = move |scratch: &mut Scratch| password::compare(&password, &hash, scratch);
        let whose = found.as_ref().map(|(name, user)| {
            user.principal(name).with_credential(CredentialKind::Password, None)
        });
        self.0.guard.check(attempt, compare).await.map_err(|error| error.of(whose))?;
        // Whoever is not there was refused.
        let (name, user) = found.ok_or_else(|| AuthenticationError::refused(NOBODY))?;
        Ok(user.principal_by_password(&name))
    }

    /// A key costs one fast hash and one or two records, so that it is looked up each time: one that
    /// is revoked is refused at once, and one that is good is not in the way of what was wrong before.
    async fn by_key(
        &self,
        username: &str,
        key: &Secret,
        peer: Option<IpAddr>,
    ) -> Result<Principal, AuthenticationError> {
        let result = self.try_key(username, key).await;
        if matches!(result, Err(AuthenticationError::Refused { .. })) {
            self.0.guard.refused_key(peer)?;
        }
        result
    }

    async fn try_key(
        &self,
        username: &str,
        key: &Secret,
    ) -> Result<Principal, AuthenticationError> {
        if SecretKind::of(key)? == SecretKind::RefreshToken {
            return Err(AuthenticationError::refused("a refresh token is no password"));
        }
        let hash = SecretHash::of(key);
        let found = self.read_key(hash.id()).await.map_err(unavailable)?;
        let record = found.filter(|record| record.hash.is(&hash));
        let record = record.ok_or_else(|| AuthenticationError::refused("the key is not known"))?;
        self.owner_of(&record, username).await.map_err(|error| error.of(owner(&record)))
    }

    /// Whose key it is, if it is good and they say so.
    async fn owner_of(
        &self,
        key: &KeyRecord,
        username: &str,
    ) -> Result<Principal, AuthenticationError> {
        if let Some(over) = key.is_over(self.now()) {
            return Err(AuthenticationError::refused(over));
        }
        let mut owner = owner(key);
        let says_so = match &key.owner {
            KeyOwner::User(name) => {
                let user = self.read_user(name).await.map_err(unavailable)?;
                let user = may_log_in(user.filter(|user| user.incarnation == key.owner_id))?;
                owner = owner.with_groups(user.groups.iter().map(GroupName::as_str));
                username == name.as_str()
            }
            KeyOwner::Project(name) => {
                username == name.as_str() || username == key.owner_id.to_string()
            }
            KeyOwner::Runner(_) => !username.is_empty(),
        };
        if !says_so {
            return Err(AuthenticationError::refused("the user name is not that of the key"));
        }
        Ok(owner)
    }

    /// The user of that name, which may be anything.
    pub(super) async fn find_user(
        &self,
        username: &str,
    ) -> Result<Option<(UserName, Arc<UserRecord>)>, AuthenticationError> {
        let Ok(name) = username.parse::<UserName>() else {
            return Ok(None);
        };
        let user = self.read_user(&name).await.map_err(unavailable)?;
        Ok(user.map(|user| (name, user)))
    }
}

/// Whose key it is. The hash is of the prefix too, so that the owner is of the kind that it says.
fn owner(key: &KeyRecord) -> Principal {
    let (owner, kind) = match &key.owner {
        KeyOwner::User(name) => {
            (Principal::new(PrincipalKind::User, name.as_str()), CredentialKind::UserKey)
        }
        KeyOwner::Project(name) => (Principal::project(name), CredentialKind::ProjectKey),
        KeyOwner::Runner(name) => (Principal::runner(name), CredentialKind::RunnerToken),
    };
    owner.with_credential(kind, Some(&key.hash.id().to_string()))
}

/// A user that is there and not disabled.
pub(super) fn may_log_in(
    user: Option<Arc<UserRecord>>,
) -> Result<Arc<UserRecord>, AuthenticationError> {
    match user {
        None => Err(AuthenticationError::refused("the user is removed")),
        Some(user) if user.disabled => Err(AuthenticationError::refused("the user is disabled")),
        Some(user) => Ok(user),
    }
}

pub(super) fn unavailable(error: impl Error + Send + Sync + 'static) -> AuthenticationError {
    AuthenticationError::Unavailable(Box::new(error))
}
