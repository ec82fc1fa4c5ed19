//! The policy that rules make.

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Allowance, Exclusion, Explanation, Facts, Numbered, Permission, Rule, Step};
use crate::{
    identity::Principal,
    ports::{Authorizer, AuthorizerError, Decision, Question},
};

/// Lets everybody do what a rule allows them, and nothing else.
///
/// What the rules allow adds up, whatever their order; no rule takes away what another gives. A
/// push that creates the repository takes `push` and `create`, one that claims it `push` and `claim`,
/// one that moves a tag `push` and `overwrite`; they may come from different rules.
///
/// It can be read from a file of any format that serde knows, such as
///
/// ```toml
/// [[rule]]
/// name = "developers"            # optional, for the log
/// who = ["user:alice", "user:bob"]
/// repositories = ["team/**"]
/// when = ["new", "owned"]        # optional: what the repository has to be
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

    /// What is decided of a question, and which rule does. [`authorize`](Authorizer::authorize) asks
    /// this too.
    #[must_use]
    pub fn explain(&self, principal: &Principal, question: &Question) -> Explanation<'_> {
        let step = |permission| Step {
            permission,
            rule: self.first(principal, permission, question),
            excluded: (!principal.could(&question.access)).then_some(Exclusion::Principal),
        };
        let facts = Facts::of(question);
        let permission = Permission::of(&question.access);
        let besides = (permission == Permission::Push).then(|| facts.besides_push(principal));
        Explanation { facts, step: step(permission), besides: besides.flatten().map(step) }
    }

    /// The first rule that gives the principal this permission for what is asked of.
    fn first(
        &self,
        principal: &Principal,
        permission: Permission,
        question: &Question,
    ) -> Option<Allowance<'_>> {
        let numbered = self.iter().find(|n| n.rule.allows(principal, permission, question))?;
        Some(Allowance { rule: numbered, condition: numbered.rule.condition(principal, question) })
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

impl IntoIterator for Rules {
    type Item = Rule;
    type IntoIter = std::vec::IntoIter<Rule>;

    fn into_iter(self) -> Self::IntoIter {
        self.rules.into_iter()
    }
}

#[async_trait]
impl Authorizer for Rules {
    async fn authorize(
        &self,
        principal: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        let decide = |question: &Question| self.explain(principal, question).decision();
        Ok(questions.iter().map(decide).collect())
    }
}
