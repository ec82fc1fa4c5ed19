//! The policies that ship.

use async_trait::async_trait;

use crate::{
    access::{Access, Action},
    identity::Principal,
    ports::{Authorizer, AuthorizerError, Decision},
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
        accesses: &[Access],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        Ok(accesses.iter().map(|_| Decision::allow("everybody may do everything")).collect())
    }
}

/// Everybody may read, nobody may write. For a mirror, or while an operator works.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to configure")]
pub struct ReadOnly;

#[async_trait]
impl Authorizer for ReadOnly {
    async fn authorize(
        &self,
        _: &Principal,
        accesses: &[Access],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        let decide = |access: &Access| match access.action {
            Action::Pull | Action::Catalog => Decision::allow("everybody may read"),
            Action::Push | Action::Overwrite | Action::Delete => {
                Decision::unsupported("the registry is read-only")
            }
        };
        Ok(accesses.iter().map(decide).collect())
    }
}
