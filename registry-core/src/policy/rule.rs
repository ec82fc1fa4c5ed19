//! One rule.

use serde::{Deserialize, Serialize};

use super::{Condition, Permission, RepositoryPattern, Who};
use crate::{identity::Principal, ports::Question};

/// Who may do what, and in which repositories.
///
/// Whoever is one of `who` may do all of `actions` in every repository that one of `repositories`
/// fits and for which one of the conditions in `when` holds; without `when` in all of them. `catalog`
/// alone has nothing to do with repositories: it is the registry that is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Rule {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Box<str>>,
    who: Vec<Who>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    repositories: Vec<RepositoryPattern>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    when: Vec<Condition>,
    actions: Vec<Permission>,
}

/// The rule could never let anybody do anything, so it does not say what was meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// Its conditions are none.
    #[error("when says what a repository has to be: leave it out where that does not matter")]
    When,
    /// None of its conditions leaves room for an action.
    #[error("{0} means nothing where a repository has to be {text}", text = words(.1))]
    Never(Permission, Box<[Condition]>),
}

fn words(conditions: &[Condition]) -> String {
    conditions.iter().map(|condition| condition.as_str()).collect::<Vec<_>>().join(" or ")
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
        if repositories.is_empty() && !only_lists(&actions) {
            return Err(RuleError::Repositories);
        }
        Ok(Self { name: None, who, repositories, when: Vec::new(), actions })
    }

    /// The same rule for repositories for which one of these holds.
    ///
    /// # Errors
    /// [`RuleError::When`] where there are none, or where only the registry can be listed;
    /// [`RuleError::Never`] where an action could never be done.
    pub fn when(self, conditions: impl IntoIterator<Item = Condition>) -> Result<Self, RuleError> {
        let when: Vec<Condition> = conditions.into_iter().collect();
        if when.is_empty() || only_lists(&self.actions) {
            return Err(RuleError::When);
        }
        for action in &self.actions {
            if !when.iter().any(|condition| condition.leaves(*action)) {
                return Err(RuleError::Never(*action, when.into()));
            }
        }
        Ok(Self { when, ..self })
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

    /// Whether it gives the principal this permission for what is asked of.
    #[must_use]
    pub fn allows(
        &self,
        principal: &Principal,
        permission: Permission,
        question: &Question,
    ) -> bool {
        self.gives(principal, permission)
            && match question.access.resource.repository() {
                None => self.is_for_registry(permission),
                Some(name) => {
                    self.repositories.iter().any(|pattern| pattern.fits(principal, name))
                        && (self.when.is_empty() || self.condition(principal, question).is_some())
                }
            }
    }

    /// The first of its conditions that holds for what is asked of.
    #[must_use]
    pub fn condition(&self, principal: &Principal, question: &Question) -> Option<Condition> {
        question.access.resource.repository()?;
        let repository = question.repository.as_deref();
        self.when.iter().copied().find(|condition| condition.holds(principal, repository))
    }

    /// Whether it gives the principal this permission anywhere.
    #[must_use]
    pub fn allows_somewhere(&self, principal: &Principal, permission: Permission) -> bool {
        self.gives(principal, permission)
            && (permission == Permission::Catalog
                || self.repositories.iter().any(|pattern| pattern.is_for(principal))
                    && (self.when.is_empty()
                        || self.when.iter().any(|condition| condition.is_for(principal))))
    }

    /// Whether what it gives is given for the registry as a whole.
    fn is_for_registry(&self, permission: Permission) -> bool {
        match permission {
            Permission::Catalog => true,
            Permission::Admin => {
                self.when.is_empty()
                    && self.repositories.iter().any(RepositoryPattern::is_everything)
            }
            _ => false,
        }
    }

    fn gives(&self, principal: &Principal, permission: Permission) -> bool {
        self.actions.contains(&permission) && self.who.iter().any(|who| who.includes(principal))
    }
}

fn only_lists(actions: &[Permission]) -> bool {
    actions.iter().all(|action| *action == Permission::Catalog)
}

/// A rule as a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename = "rule")]
struct Unchecked {
    name: Option<Box<str>>,
    who: Vec<Who>,
    #[serde(default)]
    repositories: Vec<RepositoryPattern>,
    when: Option<Vec<Condition>>,
    actions: Vec<Permission>,
}

impl TryFrom<Unchecked> for Rule {
    type Error = RuleError;

    fn try_from(unchecked: Unchecked) -> Result<Self, RuleError> {
        let Unchecked { name, who, repositories, when, actions } = unchecked;
        let rule = Self { name, ..Self::new(who, repositories, actions)? };
        match when {
            Some(when) => rule.when(when),
            None => Ok(rule),
        }
    }
}
