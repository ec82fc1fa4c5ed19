//! The policies that ship.

mod anonymous;
mod condition;
mod credentials;
mod explanation;
mod file;
mod immutable;
mod pattern;
mod permission;
mod pull_with_push;
mod read_only;
mod rule;
mod rules;
mod stars;
mod tag_pattern;
mod who;

use async_trait::async_trait;

pub use self::{
    anonymous::{Anonymous, AnonymousAccess},
    condition::{Condition, ConditionError},
    credentials::{CredentialMatrix, Credentials},
    explanation::{Allowance, Exclusion, Explanation, Facts, Numbered, Step},
    file::PolicyFile,
    immutable::{Immutable, ImmutableError, ImmutableTags},
    pattern::{PatternError, RepositoryPattern},
    permission::{Permission, PermissionError},
    pull_with_push::PullWithPush,
    read_only::ReadOnly,
    rule::{Rule, RuleError},
    rules::Rules,
    tag_pattern::{TagPattern, TagPatternError},
    who::{Id, Who, WhoError},
};
use crate::{
    identity::Principal,
    ports::{Authorizer, AuthorizerError, Decision, Question},
};

/// Everybody may do everything. For a machine of one's own.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to configure")]
pub struct AllowAll;

#[async_trait]
impl Authorizer for AllowAll {
    async fn authorize(
        &self,
        _: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        Ok(questions.iter().map(|_| Decision::allow("everybody may do everything")).collect())
    }
}
