//! The policies that ship.

mod anonymous;
mod explanation;
mod pattern;
mod permission;
mod read_only;
mod rule;
mod rules;
mod who;

use async_trait::async_trait;

pub use self::{
    anonymous::{Anonymous, AnonymousAccess},
    explanation::{Explanation, Numbered},
    pattern::{PatternError, RepositoryPattern},
    permission::{Permission, PermissionError},
    read_only::ReadOnly,
    rule::{Rule, RuleError},
    rules::Rules,
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
