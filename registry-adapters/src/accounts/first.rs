//! Accounts before the users of another authenticator.

use std::net::IpAddr;

use async_trait::async_trait;
use registry_core::{
    credentials::Credentials,
    ports::{Authenticated, AuthenticationError, Authenticator},
};

use super::{Accounts, secret};
use crate::passwords::Turns;

/// Accounts, before another authenticator for whoever has none: say, an htpasswd file.
///
/// * A secret that starts as keys do is tried as a key alone.
/// * A password is the business of the accounts where they have a user of that name, also a disabled
///   one, and of the other where they have not. Whom the one refuses the other does not let in: of a
///   name that both know, only the accounts' user counts.
/// * Everything else is the other's business: tokens, and no credentials at all.
///
/// A password that is refused costs what it costs with both, so that time does not tell where a user
/// is, if anywhere.
#[derive(Clone, Debug)]
pub struct AccountsFirst<A> {
    accounts: Accounts,
    others: A,
}

impl Accounts {
    /// These accounts before another authenticator.
    #[must_use]
    pub const fn before<A: Authenticator>(self, others: A) -> AccountsFirst<A> {
        AccountsFirst { accounts: self, others }
    }

    /// The turns at hashing passwords, for another authenticator to share.
    #[must_use]
    pub fn turns(&self) -> &Turns {
        &self.0.guard.turns
    }
}

#[async_trait]
impl<A: Authenticator> Authenticator for AccountsFirst<A> {
    async fn authenticate(
        &self,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<Authenticated, AuthenticationError> {
        let Credentials::Basic { username, password } = credentials else {
            return self.others.authenticate(credentials, peer).await;
        };
        if secret::is_reserved(password) {
            return self.accounts.authenticate(credentials, peer).await;
        }
        let guard = &self.accounts.0.guard;
        let claim = guard.user(username, peer);
        guard.admit(&claim)?;
        let accounts: &dyn Authenticator = &self.accounts;
        let others: &dyn Authenticator = &self.others;
        let known = self.accounts.find_user(username).await?.is_some();
        let (whose, decoy) = if known { (accounts, others) } else { (others, accounts) };
        let result = whose.authenticate(credentials, peer).await;
        match result {
            Ok(_) => guard.welcome(&claim),
            // For its time, and to count there too; whatever it says, this is refused.
            Err(AuthenticationError::Refused { .. }) => {
                drop(decoy.authenticate(credentials, peer).await);
            }
            Err(_) => {}
        }
        result
    }

    /// Whoever the other is: the accounts count the passwords of both.
    fn is_guarded(&self, credentials: &Credentials) -> bool {
        matches!(credentials, Credentials::Basic { .. }) || self.others.is_guarded(credentials)
    }
}
