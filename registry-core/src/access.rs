//! What can be done, and to what.

use crate::{name::RepositoryName, tag::Tag};

/// Something a caller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Read blobs, manifests, tags and referrers.
    Pull,
    /// Add blobs, manifests and new tags.
    Push,
    /// Move a tag that resolves to another manifest.
    Overwrite,
    /// Delete blobs, manifests and tags.
    Delete,
    /// List the repositories.
    Catalog,
}

/// What it is done to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resource {
    /// The registry as a whole.
    Registry,
    /// A repository, which need not exist.
    Repository(RepositoryName),
    /// A tag in a repository.
    Tag(RepositoryName, Tag),
}

/// One action on one resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "it is this pair")]
pub struct Access {
    /// What is done.
    pub action: Action,
    /// To what.
    pub resource: Resource,
}

impl Access {
    /// An action on a repository.
    #[must_use]
    pub fn repository(action: Action, name: &RepositoryName) -> Self {
        Self { action, resource: Resource::Repository(name.clone()) }
    }

    /// An action on a tag.
    #[must_use]
    pub fn tag(action: Action, name: &RepositoryName, tag: &Tag) -> Self {
        Self { action, resource: Resource::Tag(name.clone(), tag.clone()) }
    }
}

impl Resource {
    /// The repository it is or lies in.
    #[must_use]
    pub const fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Registry => None,
            Self::Repository(name) | Self::Tag(name, _) => Some(name),
        }
    }
}

/// What a credential is good for, whatever its principal may do: a token may carry less than its
/// owner has. The core intersects it with every request before the authorizer is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// Everything its principal may do.
    Full,
    /// These actions on these repositories (and everything in them), or on the registry.
    Limited(Vec<Access>),
}

impl Scope {
    /// Whether an access lies within the scope. What may be pushed may be overwritten, as far as
    /// the credential goes: a token's actions do not tell the two apart.
    #[must_use]
    pub fn covers(&self, access: &Access) -> bool {
        match self {
            Self::Full => true,
            Self::Limited(granted) => {
                let action = match access.action {
                    Action::Overwrite => Action::Push,
                    action => action,
                };
                granted.iter().any(|grant| {
                    grant.action == action
                        && grant.resource.repository() == access.resource.repository()
                })
            }
        }
    }
}
