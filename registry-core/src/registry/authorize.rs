//! Asking the authorizer.

use super::Inner;
use crate::{
    access::Access,
    error::RegistryError,
    identity::Caller,
    ports::{AuthorizerError, Decision, Verdict},
};

impl Inner {
    /// Goes on only if the caller may. The decision says whether a repository may be created.
    pub(super) async fn authorize(
        &self,
        caller: &Caller,
        access: Access,
    ) -> Result<Decision, RegistryError> {
        let decision = self.decide(caller, &[access]).await?.remove(0);
        match decision.verdict {
            Verdict::Allow => Ok(decision),
            Verdict::Deny => Err(RegistryError::Denied),
            Verdict::Unsupported => Err(RegistryError::Unsupported),
        }
    }

    /// Whether the caller may do each of these.
    pub(super) async fn allowed(
        &self,
        caller: &Caller,
        accesses: &[Access],
    ) -> Result<Vec<bool>, RegistryError> {
        let decisions = self.decide(caller, accesses).await?;
        Ok(decisions.iter().map(|decision| decision.verdict == Verdict::Allow).collect())
    }

    /// The scope of the credential comes first, always: what it does not cover is denied, whatever
    /// the policy says.
    async fn decide(
        &self,
        caller: &Caller,
        accesses: &[Access],
    ) -> Result<Vec<Decision>, RegistryError> {
        let mut decisions = self.authorizer.authorize(&caller.principal, accesses).await?;
        if decisions.len() != accesses.len() {
            let error = "the authorizer answered another number of questions than it was asked";
            return Err(AuthorizerError(error.into()).into());
        }
        for (decision, access) in decisions.iter_mut().zip(accesses) {
            if !caller.scope.covers(access) {
                *decision = Decision::deny("the credential's scope does not cover it");
            }
            if decision.verdict != Verdict::Allow {
                tracing::debug!(
                    request_id = %caller.request_id,
                    principal = ?caller.principal,
                    ?access,
                    reason = %decision.reason,
                    "refused"
                );
            }
        }
        Ok(decisions)
    }
}
