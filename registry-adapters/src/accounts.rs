//! Users, keys and refresh tokens, kept in a record store: whoever opens the same store, one server
//! or many, sees the same.
//!
//! | record | what it is |
//! |---|---|
//! | `x-accounts/user/<name>` | a user: the hash of the password, groups, whether it is disabled |
//! | `x-accounts/owner/<kind>/<name>` | which keys somebody owns |
//! | `x-accounts/key/<id>` | a key: its hash, its owner, how long it is good |
//! | `x-accounts/refresh/<login>` | the hashes of a user's refresh tokens |
//!
//! A password is kept as its argon2id hash, a key or a refresh token as its SHA-256: it has 178
//! random bits, which nobody guesses however fast the hash is.
//!
//! A user has a random incarnation, which its keys name, and a random login, which its refresh
//! tokens name: whoever removes a user makes both worthless in that moment, and a new user of the
//! same name has others. Another password, and being disabled, make the login another.

mod authenticate;
mod corrupt;
mod error;
mod first;
mod key;
mod key_id;
mod keys;
mod name;
mod owner;
mod password;
mod records;
mod refresh;
mod secret;
mod user;
mod users;

use std::{fmt, sync::Arc};

use registry_core::ports::{Clock, Random, RecordStore};
use tokio::sync::Mutex;

use self::records::Records;
pub use self::{
    error::AccountsError,
    first::AccountsFirst,
    key::{CreatedKey, Key, KeyList, NewKey},
    key_id::{KeyId, KeyIdError},
    name::{GroupName, NameError, UserName},
    owner::{KeyOwner, KeyOwnerError},
    password::{PasswordCost, PasswordError},
    secret::SecretKind,
    user::{User, UserList},
};
pub use crate::passwords::RESERVED_PREFIX;
use crate::passwords::{Guard, Tries};

/// Users, keys and refresh tokens in a record store. Clones are the same accounts.
///
/// Every change is a compare-and-swap, so that those who change one account at the same time do it
/// one after the other. What is changed counts from the next request on.
///
/// Runs on a tokio runtime.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    records: Records,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    cost: PasswordCost,
    guard: Guard,
    /// Changes of this process wait for each other, and not in rounds.
    changing: Mutex<()>,
}

impl Accounts {
    /// The accounts in a store.
    #[must_use]
    pub fn new(records: impl RecordStore, clock: impl Clock, random: impl Random) -> Self {
        Self::with_cost(records, clock, random, PasswordCost::default())
    }

    /// The accounts in a store, in which the hash of a new password costs so much. Passwords that
    /// are there keep the cost they have. All should have the same: whoever is unknown is refused
    /// after as long as a new password takes, so that time does not tell them from the others.
    #[must_use]
    pub fn with_cost(
        records: impl RecordStore,
        clock: impl Clock,
        random: impl Random,
        cost: PasswordCost,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let random: Arc<dyn Random> = Arc::new(random);
        Self(Arc::new(Inner {
            records: Records::new(Arc::new(records), Arc::clone(&random)),
            guard: Guard::new(Arc::clone(&clock), &*random),
            clock,
            random,
            cost,
            changing: Mutex::new(()),
        }))
    }

    /// What is remembered of the tries to log in, which does not outlast the process unless it is
    /// [saved](crate::passwords::SavedTries).
    #[must_use]
    pub fn tries(&self) -> Tries {
        self.0.guard.tries()
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}
