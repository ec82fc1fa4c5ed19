//! Whose a key is, and which keys somebody owns.

use std::{fmt, str::FromStr};

use registry_core::{
    name::RepositoryName,
    record::{Nonce, RecordKey, Typed},
    serde_as_text,
};
use serde::{Deserialize, Serialize};

use super::{key_id::KeyId, name::UserName};

/// Whose a key is: as text `user:<name>`, `project:<namespace>` or `runner:<repository>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "each has a prefix and a way to log in of its own")]
pub enum KeyOwner {
    /// A user, who logs in with the user name.
    User(UserName),
    /// A namespace; the user name is the project's name or its id.
    Project(RepositoryName),
    /// Whoever pulls this one repository; the user name is any that is not empty, say `runner`.
    Runner(RepositoryName),
}

/// The text names no owner of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the owner of a key is user:<name>, project:<namespace> or runner:<repository>")]
pub struct KeyOwnerError;

/// What is kept of an owner of keys.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct OwnerRecord {
    /// A user's incarnation; of others, a random id.
    pub(super) id: Nonce,
    /// The keys. One that was noted and then not made may be among them.
    pub(super) keys: Vec<KeyId>,
}

impl Typed for OwnerRecord {
    const KIND: &'static str = "x-accounts/owner";
}

impl KeyOwner {
    pub(super) fn record_key(&self) -> RecordKey {
        let path = match self {
            Self::User(name) => format!("user/{name}"),
            Self::Project(name) => format!("project/{name}"),
            Self::Runner(name) => format!("runner/{name}"),
        };
        super::records::key("owner", &path)
    }
}

impl fmt::Display for KeyOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user:{name}"),
            Self::Project(name) => write!(f, "project:{name}"),
            Self::Runner(name) => write!(f, "runner:{name}"),
        }
    }
}

impl FromStr for KeyOwner {
    type Err = KeyOwnerError;

    fn from_str(text: &str) -> Result<Self, KeyOwnerError> {
        let owner = match text.split_once(':') {
            Some(("user", name)) => name.parse().ok().map(Self::User),
            Some(("project", name)) => name.parse().ok().map(Self::Project),
            Some(("runner", name)) => name.parse().ok().map(Self::Runner),
            _ => None,
        };
        owner.ok_or(KeyOwnerError)
    }
}

serde_as_text!(KeyOwner);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_read_as_it_is_written() {
        for good in ["user:alice", "project:acme", "project:acme/team", "runner:acme/app"] {
            assert_eq!(good.parse::<KeyOwner>().expect(good).to_string(), good);
        }
        for bad in ["", "alice", "user:", "user:acme/team", "User:alice", "fleet:a", "project:A"] {
            assert_eq!(bad.parse::<KeyOwner>(), Err(KeyOwnerError), "{bad}");
        }
    }
}
