//! Why a change of accounts is refused.

use registry_core::{ports::StoreError, record::RecordKey};

use super::{
    key::{Key, NewKey},
    password::PasswordError,
    user::User,
};

/// The accounts were not changed or read. None of it shows a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// There is a user of this name.
    #[error("there is a user of this name already")]
    Exists,
    /// There is no such user, or no such key.
    #[error("there is no such user or key")]
    NotFound,
    /// The password is none that a user may have.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The user would be in too many groups.
    #[error("a user is in at most {} groups", User::MAX_GROUPS)]
    TooManyGroups,
    /// The description is too long, or cannot be printed.
    #[error(
        "a description has at most {} characters, none of them a control character",
        NewKey::MAX_DESCRIPTION
    )]
    Description,
    /// The key would have expired when it is made.
    #[error("the key would have expired already")]
    Expired,
    /// A runner's token would be good for ever, or for too long.
    #[error("a runner's token expires within {} hours", Key::RUNNER_LIFETIME.as_secs() / 3600)]
    RunnerLifetime,
    /// The owner has as many keys that are good as it may.
    #[error("the owner has {} keys, which is all it may have; revoke some", Key::MAX_PER_OWNER)]
    TooManyKeys,
    /// Others changed the same at the same time, again and again.
    #[error("others are changing the same; try again")]
    Busy,
    /// The store failed. Whether a change was made is open.
    #[error("the accounts' store failed")]
    Store(#[from] StoreError),
    /// What is stored of a user or a key is no record, and the store cannot delete what it cannot read.
    #[error("the record {record} is corrupt")]
    Corrupt {
        /// Its key.
        record: RecordKey,
    },
    /// A password could not be hashed: the machine is out of memory, or stops.
    #[error("the password could not be hashed")]
    Hash,
}
