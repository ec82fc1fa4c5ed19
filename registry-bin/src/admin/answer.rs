//! What comes back.

use std::time::SystemTime;

use registry_adapters::accounts::{CreatedKey, GroupName, Key, KeyId, KeyOwner, User, UserName};
use serde::{Deserialize, Serialize};

use super::Hidden;
use crate::rfc3339;

/// What became of a command.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// It was carried out.
    Done(Answer),
    /// It was not, or perhaps not, for the reason of this sentence.
    Refused(String),
}

/// What a command that was carried out has to say.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// Nothing more.
    Nothing,
    /// The users.
    Users(Vec<UserEntry>),
    /// The keys.
    Keys(Vec<KeyEntry>),
    /// A key that was made, which is shown this once.
    CreatedKey { entry: KeyEntry, key: Hidden },
}

/// A user, as it is listed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UserEntry {
    pub(crate) name: UserName,
    pub(crate) groups: Vec<GroupName>,
    pub(crate) disabled: bool,
    pub(crate) created: String,
}

/// A key, as it is listed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeyEntry {
    pub(crate) id: KeyId,
    pub(crate) owner: KeyOwner,
    /// The owner's random id, with which a project's key can log in too.
    pub(crate) owner_id: String,
    pub(crate) state: KeyState,
    pub(crate) created: String,
    pub(crate) expires: Option<String>,
    pub(crate) revoked: Option<String>,
    pub(crate) description: String,
}

/// Whether a key is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KeyState {
    Good,
    Expired,
    Revoked,
}

impl UserEntry {
    pub(super) fn of(user: User) -> Self {
        let created = rfc3339::seconds(user.created);
        Self { name: user.name, groups: user.groups, disabled: user.disabled, created }
    }
}

impl KeyEntry {
    pub(super) fn of(key: Key, now: SystemTime) -> Self {
        let state = match (key.revoked, key.expires) {
            (Some(_), _) => KeyState::Revoked,
            (None, Some(expires)) if expires <= now => KeyState::Expired,
            _ => KeyState::Good,
        };
        Self {
            id: key.id,
            owner: key.owner,
            owner_id: key.owner_id,
            state,
            created: rfc3339::seconds(key.created),
            expires: key.expires.map(rfc3339::seconds),
            revoked: key.revoked.map(rfc3339::seconds),
            description: key.description,
        }
    }
}

impl Answer {
    pub(super) fn created(created: CreatedKey, now: SystemTime) -> Self {
        let key = Hidden::from(&created.secret);
        Self::CreatedKey { entry: KeyEntry::of(created.key, now), key }
    }
}

impl KeyState {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}
