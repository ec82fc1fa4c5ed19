//! What can be asked for.

use std::time::Duration;

use registry_adapters::accounts::{GroupName, KeyId, KeyOwner, UserName};
use registry_core::{name::RepositoryName, record::Visibility};
use serde::{Deserialize, Serialize};

use super::{Hidden, Owner};

/// How the records of users and those of keys begin.
pub(crate) const USER_RECORDS: &str = "x-accounts/user/";
pub(crate) const KEY_RECORDS: &str = "x-accounts/key/";

/// What can be asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Command {
    /// Adds a user.
    UserAdd { name: UserName, groups: Vec<GroupName>, password: Hidden },
    /// Lists the users.
    UserList,
    /// Gives a user another password.
    UserPasswd { name: UserName, password: Hidden },
    /// Makes a user a member of these groups and of no others.
    UserGroups { name: UserName, groups: Vec<GroupName> },
    /// Disables a user.
    UserDisable { name: UserName },
    /// Lets a user in again.
    UserEnable { name: UserName },
    /// Makes the refresh tokens of a user worthless.
    UserLogout { name: UserName },
    /// Removes a user with its keys.
    UserRemove { name: UserName },
    /// Makes a key, which is good for so long, or for ever.
    KeyCreate { owner: KeyOwner, description: String, good_for: Option<Duration> },
    /// Lists the keys, of one owner where one is said.
    KeyList { owner: Option<KeyOwner> },
    /// Revokes a key.
    KeyRevoke { id: KeyId },
    /// Removes a record in the place of a user or a key that is none.
    RecordRemove { record: String },
    /// Makes a token of a user for this scope.
    TokenMint { user: UserName, scope: String },
    /// Lists the keys that sign tokens.
    TokenKeyList,
    /// Adds a key that signs tokens.
    TokenKeyRotate,
    /// Removes a key that signs tokens, so that what it signed is refused.
    TokenKeyRetire { id: String },
    /// Lists the repositories.
    RepositoryList,
    /// Changes who owns a repository and who may see it; what is not said stays.
    RepositorySet { name: RepositoryName, visibility: Option<Visibility>, owner: Option<Owner> },
    /// Lists the uploads.
    UploadList,
    /// Drops an upload.
    UploadCancel { id: String },
    /// Asks who a user is, what a repository is, and by what the server decides.
    Facts { user: Option<String>, repository: Option<RepositoryName> },
}

impl Command {
    /// Whether it changes something, so that the audit log keeps it.
    pub(crate) fn is_change(&self) -> bool {
        self.change().is_some()
    }

    /// Whether it is about the keys that sign tokens.
    pub(crate) const fn is_about_token_keys(&self) -> bool {
        matches!(self, Self::TokenKeyList | Self::TokenKeyRotate | Self::TokenKeyRetire { .. })
    }

    /// What the audit log keeps of it: its words, and what it is done to. `None` where it changes
    /// nothing.
    pub(super) fn change(&self) -> Option<(&'static str, String)> {
        let user = |name: &UserName| format!("user:{name}");
        Some(match self {
            Self::UserAdd { name, .. } => ("user add", user(name)),
            Self::UserPasswd { name, .. } => ("user passwd", user(name)),
            Self::UserGroups { name, .. } => ("user groups", user(name)),
            Self::UserDisable { name } => ("user disable", user(name)),
            Self::UserEnable { name } => ("user enable", user(name)),
            Self::UserLogout { name } => ("user logout", user(name)),
            Self::UserRemove { name } => ("user remove", user(name)),
            Self::KeyCreate { owner, .. } => ("key create", owner.to_string()),
            Self::KeyRevoke { id } => ("key revoke", format!("key:{id}")),
            Self::RecordRemove { record } if record.starts_with(KEY_RECORDS) => {
                ("key revoke", record.clone())
            }
            Self::RecordRemove { record } => ("user remove", record.clone()),
            Self::TokenMint { user: name, .. } => ("token mint", user(name)),
            Self::TokenKeyRotate => ("token keys rotate", "token-keys".to_owned()),
            Self::TokenKeyRetire { id } => ("token keys retire", format!("token-key:{id}")),
            Self::RepositorySet { name, .. } => ("repository set", name.to_string()),
            Self::UploadCancel { id } => ("upload cancel", format!("upload:{id}")),
            Self::UserList
            | Self::KeyList { .. }
            | Self::TokenKeyList
            | Self::RepositoryList
            | Self::UploadList
            | Self::Facts { .. } => return None,
        })
    }
}
