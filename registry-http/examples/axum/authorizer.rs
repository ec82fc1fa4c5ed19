//! What a user of the application may do.

use async_trait::async_trait;
use registry_core::{
    access::{Access, Action},
    identity::Principal,
    ports::{Authorizer, AuthorizerError, Decision, Question},
};

use super::accounts::Account;

/// Everybody reads everything, and writes below their own name: alice to `alice/…`.
pub(crate) struct OwnNamespace;

#[async_trait]
impl Authorizer for OwnNamespace {
    async fn authorize(
        &self,
        principal: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        Ok(questions.iter().map(|question| decide(principal, &question.access)).collect())
    }
}

fn decide(principal: &Principal, access: &Access) -> Decision {
    if matches!(access.action, Action::Pull | Action::Catalog) {
        return Decision::allow("everybody reads");
    }
    // The account that the authenticator put there.
    let Some(account) = principal.value::<Account>() else {
        return Decision::deny("it has no account");
    };
    let name = access.resource.repository().map(ToString::to_string).unwrap_or_default();
    match name.split_once('/') {
        Some((namespace, _)) if namespace == account.name => Decision::allow("it is theirs"),
        _ => Decision::deny("it is somebody else's"),
    }
}
