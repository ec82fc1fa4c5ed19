//! One rule.

use serde::{Deserialize, Serialize};

use super::{Permission, RepositoryPattern, Who};
use crate::{identity::Principal, name::RepositoryName};

/// Who may do what, and in which repositories.
///
/// Whoever is one of `who` may do all of `actions` in every repository that one of `repositories`
/// fits. `catalog` alone has nothing to do with repositories: it is the registry that is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Rule {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Box<str>>,
    who: Vec<Who>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    repositories: Vec<RepositoryPattern>,
    actions: Vec<Permission>,
}

/// The rule could never let anybody do anything, so it does not say what was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// It is for nobody.
    #[error("a rule is for somebody: who is empty")]
    Who,
    /// It is for no repository.
    #[error("a rule is for some repositories, unless catalog is its only action")]
    Repositories,
    /// It allows nothing.
    #[error("a rule allows something: actions is empty")]
    Actions,
}

impl Rule {
    /// A rule without a name.
    ///
    /// # Errors
    /// [`RuleError`] where one of these is empty. There may be no repositories where
    /// [`Permission::Catalog`] is all that is given.
    pub fn new(
        who: impl IntoIterator<Item = Who>,
        repositories: impl IntoIterator<Item = RepositoryPattern>,
        actions: impl IntoIterator<Item = Permission>,
    ) -> Result<Self, RuleError> {
        let who: Vec<Who> = who.into_iter().collect();
        let repositories: Vec<RepositoryPattern> = repositories.into_iter().collect();
        let actions: Vec<Permission> = actions.into_iter().collect();
        if who.is_empty() {
            return Err(RuleError::Who);
        }
        if actions.is_empty() {
            return Err(RuleError::Actions);
        }
        let only_lists = actions.iter().all(|action| *action == Permission::Catalog);
        if repositories.is_empty() && !only_lists {
            return Err(RuleError::Repositories);
        }
        Ok(Self { name: None, who, repositories, actions })
    }

    /// The same rule with a name for the log.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether it gives the principal this permission in the repository, or in the registry where
    /// none is named.
    #[must_use]
    pub fn allows(
        &self,
        principal: &Principal,
        permission: Permission,
        repository: Option<&RepositoryName>,
    ) -> bool {
        self.gives(principal, permission)
            && match repository {
                None => permission == Permission::Catalog,
                Some(name) => self.repositories.iter().any(|pattern| pattern.fits(principal, name)),
            }
    }

    /// Whether it gives the principal this permission anywhere.
    #[must_use]
    pub fn allows_somewhere(&self, principal: &Principal, permission: Permission) -> bool {
        self.gives(principal, permission)
            && (permission == Permission::Catalog
                || self.repositories.iter().any(|pattern| pattern.is_for(principal)))
    }

    fn gives(&self, principal: &Principal, permission: Permission) -> bool {
        self.actions.contains(&permission) && self.who.iter().any(|who| who.includes(principal))
    }
}

/// A rule as a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename = "rule")]
struct Unchecked {
    name: Option<Box<str>>,
    who: Vec<Who>,
    #[serde(default)]
    repositories: Vec<RepositoryPattern>,
    actions: Vec<Permission>,
}

impl TryFrom<Unchecked> for Rule {
    type Error = RuleError;

    fn try_from(unchecked: Unchecked) -> Result<Self, RuleError> {
        let Unchecked { name, who, repositories, actions } = unchecked;
        Ok(Self { name, ..Self::new(who, repositories, actions)? })
    }
}
