//! `link/<digest>/<repository id>`: this repository may read this blob.

use serde::{Deserialize, Serialize};

use super::{Timestamp, Typed};
use crate::name::RepositoryName;

/// The membership of a blob in a repository, checked on every read and mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LinkRecord {
    /// Whether a collector means to remove it.
    pub state: LinkState,
    /// When it was last pushed, mounted or relied on, the latter to half of the time that a link is
    /// kept.
    pub since: Timestamp,
    /// What the repository was called then: a hint for finding its record.
    pub name: RepositoryName,
}

/// The life of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "the storage protocol has these states and no other")]
pub enum LinkState {
    /// It holds.
    Live,
    /// It holds, and a collector means to remove it unless somebody objects.
    Condemned,
}

impl LinkRecord {
    /// A live link.
    #[must_use]
    pub const fn live(name: RepositoryName, since: Timestamp) -> Self {
        Self { state: LinkState::Live, since, name }
    }
}

impl Typed for LinkRecord {
    const KIND: &'static str = "link";
}
