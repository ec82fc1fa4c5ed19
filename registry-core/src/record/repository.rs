//! `repository/<name>`: what a name stands for.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Timestamp, Typed};
use crate::ports::{Random, fresh};

/// A repository. Everything in it is kept under its id, so that a rename moves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RepositoryRecord {
    /// Its id, for ever.
    pub id: RepositoryId,
    /// When it was created.
    pub created: Timestamp,
    /// Who owns it; empty: nobody has claimed it.
    pub owner: String,
    /// Who may see it where the policy leaves that to the repository.
    pub visibility: Visibility,
}

/// Who may see a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Visibility {
    /// Those whom the policy names.
    Private,
    /// Everybody.
    Public,
}

impl RepositoryRecord {
    /// A new repository.
    #[must_use]
    pub const fn new(
        id: RepositoryId,
        created: Timestamp,
        owner: String,
        visibility: Visibility,
    ) -> Self {
        Self { id, created, owner, visibility }
    }
}

impl Typed for RepositoryRecord {
    const KIND: &'static str = "repository";
}

/// The stable id of a repository: opaque, 1 to 128 of `[A-Za-z0-9._:-]`, not starting with `.`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryId(Arc<str>);

/// The text is not a repository id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a repository id has 1 to 128 of [A-Za-z0-9._:-] and does not start with '.'")]
pub struct RepositoryIdError;

impl RepositoryId {
    /// The longest id in bytes.
    pub const MAX_LENGTH: usize = 128;

    /// A fresh random one.
    pub fn new(random: &dyn Random) -> Self {
        Self(hex::encode(fresh(random)).into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepositoryId {
    type Err = RepositoryIdError;

    fn from_str(text: &str) -> Result<Self, RepositoryIdError> {
        let fits = (1..=Self::MAX_LENGTH).contains(&text.len())
            && !text.starts_with('.')
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b));
        if fits { Ok(Self(text.into())) } else { Err(RepositoryIdError) }
    }
}

impl fmt::Display for RepositoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RepositoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepositoryId({})", self.0)
    }
}

crate::text::serde_as_text!(RepositoryId);
