//! Refresh tokens.

use registry_core::record::{Nonce, RecordKey, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Accounts, AccountsError, UserName,
    records::{key, typed},
    secret::SecretHash,
};

/// What is kept of the refresh tokens of one login.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RefreshRecord {
    pub(super) user: UserName,
    /// The oldest first.
    pub(super) tokens: Vec<RefreshToken>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RefreshToken {
    pub(super) hash: SecretHash,
    pub(super) expires: Timestamp,
}

typed!(RefreshRecord, "x-accounts/refresh");

impl Accounts {
    /// Deletes the refresh tokens of a login that nobody has any more.
    pub(super) async fn forget_login(&self, login: Nonce) -> Result<(), AccountsError> {
        self.forget::<RefreshRecord>(&record_key(login)).await
    }
}

fn record_key(login: Nonce) -> RecordKey {
    key("refresh", &login.to_string())
}
