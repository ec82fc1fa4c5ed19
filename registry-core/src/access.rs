//! What can be done, and to what.

mod grant;

pub use grant::Grant;

use std::sync::Arc;

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
    /// Look after the registry as a whole, which is to see all repositories, and to see and cancel the
    /// uploads of others; or after one repository, which is to change its owner and who may see it.
    Admin,
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
    /// An action on the registry as a whole.
    #[must_use]
    pub const fn registry(action: Action) -> Self {
        Self { action, resource: Resource::Registry }
    }

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

    /// Whether it is the other one, or a repository in which the other lies. The registry holds
    /// none of its repositories in this sense: what may be done to it says nothing of them.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        match self {
            Self::Registry | Self::Tag(..) => self == other,
            Self::Repository(name) => other.repository() == Some(name),
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
    /// These actions on these resources: on a repository with its tags, on one tag alone, or on the
    /// registry. A resource may be there without actions: it was asked for, and refused.
    Limited(Arc<[Grant]>),
}

impl Scope {
    /// Whether an access lies within the scope. What may be pushed may be overwritten, as far as
    /// the credential goes: a token's actions do not tell the two apart.
    #[must_use]
    pub fn covers(&self, access: &Access) -> bool {
        let action = match access.action {
            Action::Overwrite => Action::Push,
            action => action,
        };
        self.on(&access.resource, |grant| grant.actions().contains(&action))
    }

    /// Whether it says anything of a resource, be it that nothing is granted.
    #[must_use]
    pub fn names(&self, resource: &Resource) -> bool {
        self.on(resource, |_| true)
    }

    /// The repositories that it names for an action; none where it is good for everything.
    pub(crate) fn named_for(&self, action: Action) -> impl Iterator<Item = &RepositoryName> {
        let grants = match self {
            Self::Full => &[][..],
            Self::Limited(all) => all,
        };
        let grants = grants.iter().filter(move |grant| grant.actions().contains(&action));
        grants.filter_map(|grant| match grant.resource() {
            Resource::Repository(name) => Some(name),
            Resource::Registry | Resource::Tag(..) => None,
        })
    }

    fn on(&self, resource: &Resource, mut grants: impl FnMut(&Grant) -> bool) -> bool {
        match self {
            Self::Full => true,
            Self::Limited(all) => {
                all.iter().any(|grant| grant.resource().contains(resource) && grants(grant))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_covers_what_lies_in_its_resource_and_nothing_else() {
        let name = |text: &str| text.parse::<RepositoryName>().unwrap();
        let tag = |text: &str| text.parse::<Tag>().unwrap();
        let resources = [
            Resource::Registry,
            Resource::Repository(name("a")),
            Resource::Tag(name("a"), tag("v1")),
            Resource::Tag(name("a"), tag("v2")),
            Resource::Repository(name("a/b")),
            Resource::Tag(name("a/b"), tag("v1")),
        ];
        // By the granted resource, which of them are covered.
        let covered: [&[usize]; 6] = [&[0], &[1, 2, 3], &[2], &[3], &[4, 5], &[5]];
        for (granted, covered) in resources.iter().zip(covered) {
            let grant = Grant::new(granted.clone(), [Action::Push]);
            let scope = Scope::Limited([grant].into());
            for (i, resource) in resources.iter().enumerate() {
                let covers = |action| scope.covers(&Access { action, resource: resource.clone() });
                for action in [Action::Push, Action::Overwrite] {
                    assert_eq!(covers(action), covered.contains(&i), "{granted:?}: {resource:?}");
                }
                for action in [Action::Pull, Action::Delete, Action::Catalog, Action::Admin] {
                    assert!(!covers(action), "{granted:?}: {action:?} {resource:?}");
                }
                assert_eq!(scope.names(resource), covered.contains(&i));
            }
        }
    }
}
