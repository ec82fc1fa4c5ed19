//! What the application knows of its users; a table in its database, say.

use std::{collections::HashMap, sync::Arc};

use registry_core::digest::{Algorithm, Digest};

/// Somebody with an account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
}

/// Everybody with an account, by what their key hashes to. Keys are long and random, so that a plain
/// hash is enough; a password would need a slow one.
pub(crate) struct Accounts(HashMap<Digest, Arc<Account>>);

impl Accounts {
    /// Users and their keys.
    pub(crate) fn of(keys: &[(&str, &str)]) -> Self {
        let account = |name: &str| Arc::new(Account { name: name.to_owned() });
        Self(keys.iter().map(|(name, key)| (hash(key), account(name))).collect())
    }

    /// Whose key it is.
    pub(crate) fn by_key(&self, key: &str) -> Option<&Arc<Account>> {
        self.0.get(&hash(key))
    }
}

fn hash(key: &str) -> Digest {
    Algorithm::Sha256.digest(key.as_bytes())
}
