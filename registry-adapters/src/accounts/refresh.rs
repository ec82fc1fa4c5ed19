//! Refresh tokens, which are good until the password is another or nobody has used them for long.

use std::time::Duration;

use async_trait::async_trait;
use registry_core::{
    credentials::Secret,
    identity::{CredentialKind, Principal, PrincipalKind},
    ports::{AuthenticationError, Expect, RefreshTokens, TokenError},
    record::{Nonce, RecordKey, Timestamp, Typed},
};
use serde::{Deserialize, Serialize};

use super::{
    Accounts, AccountsError, SecretKind, UserName,
    authenticate::{may_log_in, unavailable},
    records::{ROUNDS, key},
    secret::{SecretHash, login_of, refresh_token},
};

/// What is kept of the refresh tokens of one login.
#[derive(Clone, Serialize, Deserialize)]
struct RefreshRecord {
    user: UserName,
    /// The one that was not used for the longest time first.
    tokens: Vec<RefreshToken>,
}

#[derive(Clone, Serialize, Deserialize)]
struct RefreshToken {
    hash: SecretHash,
    /// So long after it was made, or after a use that was noted.
    expires: Timestamp,
    /// Whether a use was noted, which is one on a later day: so does a host, and no build, which logs
    /// in anew. Of records that do not say so nobody knows.
    #[serde(default)]
    is_used: bool,
}

/// A use is noted when the last one that was is so old: pulls by the thousand write once a day.
const NOTED: Duration = Duration::from_secs(24 * 60 * 60);

impl Typed for RefreshRecord {
    const KIND: &'static str = "x-accounts/refresh";
}

/// Those who log in with a password get refresh tokens, others none. A user has
/// [`Accounts::MAX_REFRESH_TOKENS`] at a time. For one more the oldest is dropped of those that were
/// never used a day or more after they were made; where all were, the one that was not used for the
/// longest time, to the day.
#[async_trait]
impl RefreshTokens for Accounts {
    async fn issue(&self, principal: &Principal) -> Result<Option<Secret>, TokenError> {
        let Some((user, login)) = login(principal) else {
            return Ok(None);
        };
        let token = refresh_token(login, &*self.0.random);
        let kept = self.keep(&user, login, SecretHash::of(&token)).await;
        let kept = kept.map_err(|error| TokenError::Unavailable(Box::new(error)))?;
        Ok(kept.then_some(token))
    }

    async fn redeem(&self, token: &Secret) -> Result<Principal, AuthenticationError> {
        self.look_up(token).await
    }
}

impl Accounts {
    /// How many refresh tokens a user has at most.
    pub const MAX_REFRESH_TOKENS: usize = 256;

    /// How long a refresh token is good that nobody uses: 90 days, or a day less, as uses are noted
    /// once a day.
    pub const REFRESH_LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

    /// Keeps a refresh token, unless the login is another by now.
    async fn keep(
        &self,
        name: &UserName,
        login: Nonce,
        hash: SecretHash,
    ) -> Result<bool, AccountsError> {
        let _changing = self.0.changing.lock().await;
        self.add(name, login, hash).await?;
        // Read afterwards: whoever makes the login another deletes its tokens afterwards too, so that
        // one of both does.
        let user = self.read_user(name).await?;
        let is_current = user.is_some_and(|user| user.login == login);
        if !is_current {
            self.forget_login(login).await?;
        }
        Ok(is_current)
    }

    async fn add(
        &self,
        name: &UserName,
        login: Nonce,
        hash: SecretHash,
    ) -> Result<(), AccountsError> {
        let (record_key, now) = (record_key(login), self.now());
        for _ in ROUNDS {
            let (mut tokens, expect) = match self.0.records.read(&record_key).await? {
                None => (Vec::new(), Expect::Absent),
                Some(read) => {
                    let record: &RefreshRecord = &read.value;
                    (record.tokens.clone(), Expect::Version(read.version))
                }
            };
            tokens.retain(|token| now < token.expires);
            make_room(&mut tokens);
            let expires = now.plus(Self::REFRESH_LIFETIME);
            tokens.push(RefreshToken { hash, expires, is_used: false });
            let record = RefreshRecord { user: name.clone(), tokens };
            if self.0.records.write(&record_key, &record, expect).await? {
                return Ok(());
            }
        }
        Err(AccountsError::Busy)
    }

    async fn look_up(&self, token: &Secret) -> Result<Principal, AuthenticationError> {
        let unknown = || AuthenticationError::refused("the refresh token is not known");
        let login = match SecretKind::of(token)? {
            SecretKind::RefreshToken => login_of(token).ok_or_else(unknown)?,
            _ => return Err(AuthenticationError::refused("a key is no refresh token")),
        };
        let read = self.0.records.read::<RefreshRecord>(&record_key(login)).await;
        let record = read.map_err(unavailable)?.ok_or_else(unknown)?.value;
        let hash = SecretHash::of(token);
        let kept = record.tokens.iter().find(|kept| kept.hash.is(&hash)).ok_or_else(unknown)?;
        let whose = || Principal::new(PrincipalKind::User, record.user.as_str());
        if kept.expires <= self.now() {
            return Err(AuthenticationError::refused("the refresh token has expired").of(whose()));
        }
        let user = self.read_user(&record.user).await.map_err(unavailable)?;
        let user = may_log_in(user.filter(|user| user.login == login));
        let user = user.map_err(|error| error.of(whose()))?;
        if kept.is_unnoted(self.now())
            && let Err(error) = self.note_use(login, &hash).await
        {
            // It is good all the same; the next use notes it.
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the use of a refresh token is not noted");
        }
        Ok(user.principal_by_password(&record.user))
    }

    /// Notes that a token was used today, unless somebody has just done so, or it is gone.
    async fn note_use(&self, login: Nonce, hash: &SecretHash) -> Result<(), AccountsError> {
        let _changing = self.0.changing.lock().await;
        let (record_key, now) = (record_key(login), self.now());
        for _ in ROUNDS {
            let Some(read) = self.0.records.read::<RefreshRecord>(&record_key).await? else {
                return Ok(());
            };
            let mut record = RefreshRecord::clone(&read.value);
            let Some(at) = record.tokens.iter().position(|kept| kept.hash.is(hash)) else {
                return Ok(());
            };
            let mut used = record.tokens.remove(at);
            if !used.is_unnoted(now) {
                return Ok(());
            }
            used.expires = now.plus(Self::REFRESH_LIFETIME);
            used.is_used = true;
            record.tokens.push(used);
            if self.0.records.write(&record_key, &record, Expect::Version(read.version)).await? {
                return Ok(());
            }
        }
        Err(AccountsError::Busy)
    }

    /// Deletes the refresh tokens of a login that nobody has any more.
    pub(super) async fn forget_login(&self, login: Nonce) -> Result<(), AccountsError> {
        self.forget::<RefreshRecord>(&record_key(login)).await
    }
}

impl RefreshToken {
    /// Whether no use of today was noted.
    fn is_unnoted(&self, now: Timestamp) -> bool {
        self.expires <= now.plus(Accounts::REFRESH_LIFETIME - NOTED)
    }
}

/// Makes room for one more: builds that log in by the hundred a day log out no host that has come back
/// on another day.
fn make_room(tokens: &mut Vec<RefreshToken>) {
    while tokens.len() >= Accounts::MAX_REFRESH_TOKENS {
        let goes = tokens.iter().position(|token| !token.is_used).unwrap_or(0);
        tokens.remove(goes);
    }
}

/// The login of a principal that these accounts found by its password.
fn login(principal: &Principal) -> Option<(UserName, Nonce)> {
    let by_password = principal.kind() == PrincipalKind::User
        && principal.credential() == CredentialKind::Password;
    let login = principal.credential_id().filter(|_| by_password)?;
    Some((principal.id().parse().ok()?, login.parse().ok()?))
}

fn record_key(login: Nonce) -> RecordKey {
    key("refresh", &login.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_token_that_was_kept_before_uses_were_counts_as_not_used() {
        let hash = SecretHash::of(&Secret::new("a token"));
        let token = RefreshToken { hash, expires: SystemTime::UNIX_EPOCH.into(), is_used: true };
        let mut kept = serde_json::to_value(&token).expect("JSON");
        let read = |kept| serde_json::from_value::<RefreshToken>(kept).expect("a token");
        assert!(read(kept.clone()).is_used);
        kept.as_object_mut().and_then(|fields| fields.remove("is_used")).expect("a field");
        assert!(!read(kept).is_used);
    }
}
