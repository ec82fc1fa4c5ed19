//! A user, as it is shown and as it is kept.

use std::time::SystemTime;

use registry_core::{
    identity::{CredentialKind, Principal, PrincipalKind},
    record::{Nonce, RecordKey, Timestamp, Typed},
};
use serde::{Deserialize, Serialize};

use super::{
    name::{GroupName, UserName},
    records::system_time,
};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// Its name, which is also its id.
    pub name: UserName,
    /// The groups that it is a member of, each once and in their order.
    pub groups: Vec<GroupName>,
    /// Whether it is refused, and all its keys and refresh tokens with it.
    pub disabled: bool,
    /// Since when there is this user.
    pub created: SystemTime,
}

/// All users, and what is none though it should be one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserList {
    /// The users, in the order of their names.
    pub users: Vec<User>,
    /// The records that cannot be read: of each a user is missing here, and cannot log in; and those
    /// whose names no user can have.
    /// [`Accounts::remove_corrupt`](super::Accounts::remove_corrupt) deletes them.
    pub corrupt: Vec<RecordKey>,
}

/// What is kept of a user.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct UserRecord {
    /// Which user of this name it is.
    pub(super) incarnation: Nonce,
    /// What its refresh tokens name, until it is another.
    pub(super) login: Nonce,
    /// The password's hash, as a PHC string.
    pub(super) password: String,
    pub(super) groups: Vec<GroupName>,
    pub(super) disabled: bool,
    pub(super) created: Timestamp,
}

impl Typed for UserRecord {
    const KIND: &'static str = "x-accounts/user";
}

impl User {
    /// How many groups a user is in at most.
    pub const MAX_GROUPS: usize = 100;

    pub(super) fn of(name: UserName, record: &UserRecord) -> Self {
        Self {
            name,
            groups: record.groups.clone(),
            disabled: record.disabled,
            created: system_time(record.created),
        }
    }
}

impl UserRecord {
    pub(super) fn principal(&self, name: &UserName) -> Principal {
        let groups = self.groups.iter().map(GroupName::as_str);
        Principal::new(PrincipalKind::User, name.as_str()).with_groups(groups)
    }

    /// Of whoever knows the password, and which it was: a refresh token is for this login alone.
    pub(super) fn principal_by_password(&self, name: &UserName) -> Principal {
        let login = self.login.to_string();
        self.principal(name).with_credential(CredentialKind::Password, Some(&login))
    }
}
