//! Asking the authorizer.

use super::Inner;
use crate::{
    access::Access,
    error::RegistryError,
    identity::Caller,
    ports::{AuthorizerError, Decision, Question, Verdict},
};

/// What came out for one question.
pub(super) enum Outcome {
    /// The caller may.
    Allowed(Decision),
    /// The caller may not.
    Denied,
    /// The principal may, but the credential's scope does not cover it.
    OutOfScope,
    /// Nobody may.
    Unsupported,
}

impl Inner {
    /// Goes on only if the caller may. The decision says whether a repository may be created.
    pub(super) async fn authorize(
        &self,
        caller: &Caller,
        question: Question,
    ) -> Result<Decision, RegistryError> {
        match self.decide(caller, &[question]).await?.remove(0) {
            Outcome::Allowed(decision) => Ok(decision),
            Outcome::Denied => Err(RegistryError::Denied),
            Outcome::OutOfScope => Err(RegistryError::InsufficientScope),
            Outcome::Unsupported => Err(RegistryError::Unsupported),
        }
    }

    /// Whether the caller may do each of these.
    pub(super) async fn allowed(
        &self,
        caller: &Caller,
        questions: &[Question],
    ) -> Result<Vec<bool>, RegistryError> {
        let outcomes = self.decide(caller, questions).await?;
        Ok(outcomes.iter().map(|outcome| matches!(outcome, Outcome::Allowed(_))).collect())
    }

    /// What the principal could never do, and what the scope of the credential does not cover, is
    /// not allowed, whatever the policy says.
    pub(super) async fn decide(
        &self,
        caller: &Caller,
        questions: &[Question],
    ) -> Result<Vec<Outcome>, RegistryError> {
        let decisions = self.authorizer.authorize(&caller.principal, questions).await?;
        if decisions.len() != questions.len() {
            let error = "the authorizer answered another number of questions than it was asked";
            return Err(AuthorizerError(error.into()).into());
        }
        let both = decisions.into_iter().zip(questions);
        Ok(both.map(|(decision, question)| bound(caller, &question.access, decision)).collect())
    }
}

fn bound(caller: &Caller, access: &Access, decision: Decision) -> Outcome {
    if !caller.principal.could(access) {
        refused(caller, access, "the credential is for less than this");
        return Outcome::Denied;
    }
    match decision.verdict {
        Verdict::Allow if caller.scope.covers(access) => Outcome::Allowed(decision),
        Verdict::Allow => {
            refused(caller, access, "the scope of the token does not cover it");
            Outcome::OutOfScope
        }
        Verdict::Deny => {
            refused(caller, access, &decision.reason);
            Outcome::Denied
        }
        Verdict::Unsupported => {
            refused(caller, access, &decision.reason);
            Outcome::Unsupported
        }
    }
}

fn refused(caller: &Caller, access: &Access, reason: &str) {
    caller.is_refused(reason);
    tracing::debug!(
        request_id = %caller.request_id,
        principal = ?caller.principal,
        ?access,
        reason,
        "refused"
    );
}
