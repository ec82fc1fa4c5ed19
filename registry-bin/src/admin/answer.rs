//! What comes back.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use registry_adapters::{
    accounts::{CreatedKey, GroupName, Key, KeyId, KeyOwner, User, UserName},
    jwt::{KeyDuty, KeyStatus},
};
use registry_core::{
    name::RepositoryName,
    policy::PolicyFile,
    record::{RepositoryId, RepositoryRecord, Timestamp, Visibility},
    registry::{RepositoryStatus, UploadSession},
};
use serde::{Deserialize, Serialize};

use super::{Hidden, Owner};
use crate::config::{Anonymous, CredentialKinds};

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
    /// What the name of a user who was added has from before.
    Added { owned: Vec<RepositoryName> },
    /// What the name of a user who was removed still has, and whether a file has a user of the same
    /// name, whose it is then.
    Removed { owned: Vec<RepositoryName>, is_in_file: bool },
    /// The users, and the keys of the records that should be of some and are corrupt.
    Users { users: Vec<UserEntry>, corrupt: Vec<String> },
    /// The keys, and the keys of the records that should be of some and are corrupt.
    Keys { keys: Vec<KeyEntry>, corrupt: Vec<String> },
    /// A key that was made, which is shown this once.
    CreatedKey { entry: KeyEntry, key: Hidden },
    /// A token, what it carries, and for how many seconds it is good.
    Token { token: Hidden, scope: String, seconds: u64 },
    /// The keys that sign tokens.
    TokenKeys(Vec<TokenKeyEntry>),
    /// The id of a key that will sign tokens.
    AddedTokenKey(String),
    /// The repositories.
    Repositories(Vec<RepositoryEntry>),
    /// The uploads.
    Uploads(Vec<UploadEntry>),
    /// What there is to decide on.
    Facts(Box<Facts>),
}

/// What there is to decide on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The user of that name.
    pub(crate) user: Option<UserEntry>,
    /// Whether a file has one.
    pub(crate) is_in_file: bool,
    /// `None` where there is no such repository.
    pub(crate) repository: Option<RepositoryRecord>,
    /// `None` where no server runs.
    pub(crate) served: Option<Served>,
}

/// By what a server that runs decides now, whatever its files say.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Served {
    /// The file that it follows, and what is in force of it; `None` where it has no rules.
    pub(crate) policy: Option<(String, PolicyFile)>,
    pub(crate) read_only: bool,
    pub(crate) anonymous: Anonymous,
    pub(crate) refuse_pull_alone: CredentialKinds,
}

/// A repository, as it is listed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RepositoryEntry {
    pub(crate) name: RepositoryName,
    pub(crate) visibility: Visibility,
    pub(crate) owner: Owner,
    pub(crate) created: String,
}

/// An upload, as it is listed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UploadEntry {
    pub(crate) id: String,
    /// `None` where the repository is gone.
    pub(crate) repository: Option<RepositoryName>,
    pub(crate) owner: Owner,
    pub(crate) bytes: u64,
    pub(crate) expires: String,
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

/// A key that signs tokens, as it is listed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TokenKeyEntry {
    pub(crate) id: String,
    pub(crate) duty: String,
    /// `None` for the one of a configured file.
    pub(crate) published: Option<String>,
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
        let created = text(user.created);
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
            created: text(key.created),
            expires: key.expires.map(text),
            revoked: key.revoked.map(text),
            description: key.description,
        }
    }
}

impl TokenKeyEntry {
    pub(super) fn of(key: KeyStatus) -> Self {
        let duty = match key.duty {
            KeyDuty::Signs => "signs",
            KeyDuty::Waits => "waits",
            _ => "verifies",
        };
        Self { id: key.id, duty: duty.to_owned(), published: key.published.map(text) }
    }
}

impl RepositoryEntry {
    pub(super) fn of(repository: RepositoryStatus) -> Self {
        let RepositoryStatus { name, record, .. } = repository;
        Self {
            name,
            visibility: record.visibility,
            owner: Owner::of_record(&record.owner),
            created: text(time(record.created)),
        }
    }
}

impl UploadEntry {
    pub(super) fn of(
        upload: UploadSession,
        names: &BTreeMap<RepositoryId, RepositoryName>,
    ) -> Self {
        Self {
            id: upload.id.to_string(),
            repository: names.get(&upload.repository).cloned(),
            owner: Owner::of_record(&upload.owner),
            bytes: upload.offset,
            expires: text(time(upload.expires)),
        }
    }
}

/// A time as people and programs read it (RFC 3339 section 5.6).
fn text(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

fn time(time: Timestamp) -> SystemTime {
    UNIX_EPOCH + Timestamp::from(UNIX_EPOCH).until(time)
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
