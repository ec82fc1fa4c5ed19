//! A key, as it is shown and as it is kept.

use std::time::{Duration, SystemTime};

use registry_core::{
    credentials::Secret,
    record::{Nonce, RecordKey, Timestamp, Typed},
};
use serde::{Deserialize, Serialize};

use super::{key_id::KeyId, owner::KeyOwner, records::system_time, secret::SecretHash};

/// A key to be made.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it is all that is asked")]
pub struct NewKey {
    /// Whose it is.
    pub owner: KeyOwner,
    /// What it is for, in its owner's words: at most [`NewKey::MAX_DESCRIPTION`] characters.
    pub description: String,
    /// When it is no longer good; never where it says nothing, which no runner's may: that is good
    /// for [`Key::RUNNER_LIFETIME`] at most.
    pub expires: Option<SystemTime>,
}

/// A key that was made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CreatedKey {
    /// What is known of it from now on.
    pub key: Key,
    /// The key. It is kept nowhere: who does not write it down now makes another.
    pub secret: Secret,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Key {
    /// Which it is.
    pub id: KeyId,
    /// Whose it is.
    pub owner: KeyOwner,
    /// The random id of that owner. A project's is as good a user name as the project's name.
    pub owner_id: String,
    /// What it is for.
    pub description: String,
    /// When it was made.
    pub created: SystemTime,
    /// When it is no longer good.
    pub expires: Option<SystemTime>,
    /// When it was revoked, if it was.
    pub revoked: Option<SystemTime>,
}

/// All keys, and what is none though it should be one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyList {
    /// The keys, in the order of their ids.
    pub keys: Vec<Key>,
    /// The records that cannot be read, or are not of the key whose id they have: of each a key is
    /// missing here, and good for nothing.
    /// [`Accounts::remove_corrupt`](super::Accounts::remove_corrupt) deletes them.
    pub corrupt: Vec<RecordKey>,
}

/// What is kept of a key.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct KeyRecord {
    pub(super) hash: SecretHash,
    pub(super) owner: KeyOwner,
    /// The owner's, so that another of the same name has none of its keys.
    pub(super) owner_id: Nonce,
    pub(super) description: String,
    pub(super) created: Timestamp,
    pub(super) expires: Option<Timestamp>,
    pub(super) revoked: Option<Timestamp>,
}

impl Typed for KeyRecord {
    const KIND: &'static str = "x-accounts/key";
}

impl NewKey {
    /// The longest description in characters.
    pub const MAX_DESCRIPTION: usize = 200;

    pub(super) fn is_described(&self) -> bool {
        self.description.chars().count() <= Self::MAX_DESCRIPTION
            && !self.description.chars().any(char::is_control)
    }
}

impl Key {
    /// How many keys that are good an owner has at most.
    pub const MAX_PER_OWNER: usize = 1000;

    /// How long a runner's token is good at most: a day. It lies about in jobs and their logs.
    pub const RUNNER_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

    pub(super) fn of(record: &KeyRecord) -> Self {
        Self {
            id: record.hash.id(),
            owner: record.owner.clone(),
            owner_id: record.owner_id.to_string(),
            description: record.description.clone(),
            created: system_time(record.created),
            expires: record.expires.map(system_time),
            revoked: record.revoked.map(system_time),
        }
    }
}

impl KeyRecord {
    /// Why it is not good, if it is not.
    pub(super) fn is_over(&self, now: Timestamp) -> Option<&'static str> {
        if self.revoked.is_some() {
            Some("the key is revoked")
        } else if self.expires.is_some_and(|expires| expires <= now) {
            Some("the key has expired")
        } else {
            None
        }
    }
}
