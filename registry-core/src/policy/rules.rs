//! The policy that rules make.

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Explanation, Numbered, Permission, Rule};
use crate::{
    access::Access,
    identity::Principal,
    ports::{Authorizer, AuthorizerError, Decision, Question},
};

/// Lets everybody do what a rule allows them, and nothing else.
///
/// What the rules allow adds up, whatever their order; no rule takes away what another gives. A
/// push that creates the repository takes `push` and `create`, one that moves a tag `push` and
/// `overwrite`; they may come from different rules.
///
/// It can be read from a file of any format that serde knows, such as
///
/// ```toml
/// [[rule]]
/// name = "developers"            # optional, for the log
/// who = ["user:alice", "user:bob"]
/// repositories = ["team/**"]
/// actions = ["pull", "push", "create", "overwrite"]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "policy")]
pub struct Rules {
    #[serde(rename = "rule")]
    rules: Vec<Rule>,
}

impl Rules {
    /// The rules in the order in which they are numbered, from 1.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self { rules: rules.into_iter().collect() }
    }

    /// The rules with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = Numbered<'_>> {
        self.rules.iter().enumerate().map(|(i, rule)| Numbered { number: i + 1, rule })
    }

    /// What is decided of an access, and which rule does. [`authorize`](Authorizer::authorize) asks
    /// this too.
    #[must_use]
    pub fn explain(&self, principal: &Principal, access: &Access) -> Explanation<'_> {
        let repository = access.resource.repository();
        let first = |permission| {
            self.iter().find(|numbered| numbered.rule.allows(principal, permission, repository))
        };
        let permission = Permission::of(access);
        let allowed_by = first(permission);
        let creates = permission == Permission::Push && allowed_by.is_some();
        let created_by = if creates { first(Permission::Create) } else { None };
        Explanation { allowed_by, created_by }
    }

    /// The first rule that gives the principal this permission anywhere.
    #[must_use]
    pub fn allowing_somewhere(
        &self,
        principal: &Principal,
        permission: Permission,
    ) -> Option<Numbered<'_>> {
        self.iter().find(|numbered| numbered.rule.allows_somewhere(principal, permission))
    }
}

#[async_trait]
impl Authorizer for Rules {
    async fn authorize(
        &self,
        principal: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        let decide = |question: &Question| self.explain(principal, &question.access).decision();
        Ok(questions.iter().map(decide).collect())
    }
}
