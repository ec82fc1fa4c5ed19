//! A whole policy, as a file has it.

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Credentials, Explanation, Immutable, Numbered, Permission, Rule, Rules, immutable};
use crate::{
    identity::Principal,
    ports::{Authorizer, AuthorizerError, Decision, Question},
};

/// A whole policy: what [`Rules`] give, less what credentials of a kind are not good for, less the
/// moving and deleting of immutable tags.
///
/// It can be read from a file of any format that serde knows, such as
///
/// ```toml
/// [[rule]]
/// who = ["authenticated"]
/// repositories = ["{user}/**"]
/// actions = ["pull", "push", "create", "overwrite", "delete"]
///
/// [[immutable]]
/// repositories = ["**"]
/// tags = ["v*"]
///
/// [credentials]
/// user-key = ["pull", "push", "create"]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "File", into = "File")]
pub struct PolicyFile {
    rules: Rules,
    immutable: Vec<Immutable>,
    credentials: Credentials,
}

impl PolicyFile {
    /// A policy of these parts.
    #[must_use]
    pub fn new(
        rules: Rules,
        immutable: impl IntoIterator<Item = Immutable>,
        credentials: Credentials,
    ) -> Self {
        Self { rules, immutable: immutable.into_iter().collect(), credentials }
    }

    /// Its rules.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Its immutable tags, in the order in which they are numbered, from 1.
    #[must_use]
    pub fn immutable(&self) -> &[Immutable] {
        &self.immutable
    }

    /// What credentials are good for.
    #[must_use]
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// What is decided of a question, and what decides. [`authorize`](Authorizer::authorize) asks
    /// this too.
    #[must_use]
    pub fn explain(&self, principal: &Principal, question: &Question) -> Explanation<'_> {
        let mut explanation = self.rules.explain(principal, question);
        explanation.exclude(|permission| {
            self.credentials
                .exclusion(principal, permission)
                .or_else(|| immutable::exclusion(&self.immutable, &question.access))
        });
        explanation
    }

    /// One decision for each question, in their order.
    #[must_use]
    pub fn decide(&self, principal: &Principal, questions: &[Question]) -> Vec<Decision> {
        questions.iter().map(|question| self.explain(principal, question).decision()).collect()
    }

    /// The first rule that gives the principal this permission anywhere, unless its credential is
    /// not good for it.
    #[must_use]
    pub fn allowing_somewhere(
        &self,
        principal: &Principal,
        permission: Permission,
    ) -> Option<Numbered<'_>> {
        let good = self.credentials.allow(principal.credential(), permission);
        self.rules.allowing_somewhere(principal, permission).filter(|_| good)
    }
}

impl From<Rules> for PolicyFile {
    fn from(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }
}

#[async_trait]
impl Authorizer for PolicyFile {
    async fn authorize(
        &self,
        principal: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        Ok(self.decide(principal, questions))
    }
}

/// The tables of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "policy")]
struct File {
    rule: Vec<Rule>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    immutable: Vec<Immutable>,
    #[serde(default, skip_serializing_if = "Credentials::is_empty")]
    credentials: Credentials,
}

impl From<File> for PolicyFile {
    fn from(file: File) -> Self {
        Self::new(Rules::new(file.rule), file.immutable, file.credentials)
    }
}

impl From<PolicyFile> for File {
    fn from(PolicyFile { rules, immutable, credentials }: PolicyFile) -> Self {
        Self { rule: rules.into_iter().collect(), immutable, credentials }
    }
}
