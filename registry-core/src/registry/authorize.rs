//! Asking the authorizer.

use std::{borrow::Cow, slice};

use tracing::Level;

use super::Inner;
use crate::{
    access::Access,
    error::RegistryError,
    identity::{Caller, CredentialKind, Principal, PrincipalKind},
    ports::{AuthorizerError, Decision, Question, Verdict},
};

/// What came out for one question.
pub(super) enum Outcome {
    /// The caller may.
    Allowed(Decision),
    /// The caller may not.
    Refused(Refusal),
}

/// That a caller may not do something, and why, which is for the log.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    kind: RefusalKind,
    access: Access,
    reason: Cow<'static, str>,
}

#[derive(Clone, Copy, Debug)]
enum RefusalKind {
    /// The policy says so.
    Denied,
    /// The credential's scope does not cover it, be it that the policy would not let it.
    OutOfScope,
    /// Nobody may.
    Unsupported,
}

impl Refusal {
    /// The token was not asked for this; whether its principal may is not said.
    pub(super) const fn not_asked_for(access: Access) -> Self {
        let reason = Cow::Borrowed("the token was not asked for it");
        Self { kind: RefusalKind::OutOfScope, access, reason }
    }
}

impl Inner {
    /// Goes on only if the caller may. The decision says whether a repository may be created or
    /// claimed.
    pub(super) async fn authorize(
        &self,
        caller: &Caller,
        question: Question,
    ) -> Result<Decision, RegistryError> {
        match self.decide_one(caller, &question).await? {
            Outcome::Allowed(decision) => Ok(decision),
            Outcome::Refused(refusal) => Err(self.refuse(caller, &refusal)),
        }
    }

    /// Goes on only if the caller may do all of these.
    pub(super) async fn authorize_all(
        &self,
        caller: &Caller,
        questions: &[Question],
    ) -> Result<(), RegistryError> {
        for outcome in self.decide(caller, questions).await? {
            if let Outcome::Refused(refusal) = outcome {
                return Err(self.refuse(caller, &refusal));
            }
        }
        Ok(())
    }

    /// Whether the caller may do each of these. A no is no refusal: something is left out, or done
    /// in another way.
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
        let decisions = self.decisions(caller, questions).await?;
        let both = decisions.into_iter().zip(questions);
        Ok(both.map(|(decision, question)| bound(caller, &question.access, decision)).collect())
    }

    /// The same of a single question.
    pub(super) async fn decide_one(
        &self,
        caller: &Caller,
        question: &Question,
    ) -> Result<Outcome, RegistryError> {
        let decision = self.decisions(caller, slice::from_ref(question)).await?.remove(0);
        Ok(bound(caller, &question.access, decision))
    }

    /// What the authorizer says, of which there is one for each question.
    async fn decisions(
        &self,
        caller: &Caller,
        questions: &[Question],
    ) -> Result<Vec<Decision>, RegistryError> {
        let decisions = self.authorizer.authorize(&caller.principal, questions).await?;
        if decisions.len() != questions.len() {
            let error = "the authorizer answered another number of questions than it was asked";
            return Err(AuthorizerError(error.into()).into());
        }
        Ok(decisions)
    }

    /// Refuses a request: the log holds the reason, and the client gets the error.
    pub(super) fn refuse(&self, caller: &Caller, refusal: &Refusal) -> RegistryError {
        let Refusal { kind, access, reason } = refusal;
        caller.is_refused(reason);
        macro_rules! log {
            ($level:expr) => {
                tracing::event!(
                    $level,
                    request_id = %caller.request_id,
                    principal = ?caller.principal,
                    credential = caller.principal.key_id(),
                    ?access,
                    %reason,
                    "refused"
                )
            };
        }
        // Whoever comes without credentials is asked for some as a matter of course.
        if is_nobody(&caller.principal) {
            log!(Level::DEBUG);
        } else {
            log!(Level::INFO);
        }
        match kind {
            RefusalKind::Denied => RegistryError::Denied,
            RefusalKind::OutOfScope => RegistryError::InsufficientScope,
            RefusalKind::Unsupported => RegistryError::Unsupported,
        }
    }
}

/// Whether somebody came without any credentials.
pub(super) fn is_nobody(principal: &Principal) -> bool {
    principal.kind() == PrincipalKind::Anonymous && principal.credential() == CredentialKind::None
}

fn bound(caller: &Caller, access: &Access, decision: Decision) -> Outcome {
    let refused = |kind, reason| Outcome::Refused(Refusal { kind, access: access.clone(), reason });
    if !caller.principal.could(access) {
        return refused(RefusalKind::Denied, "the credential is for less than this".into());
    }
    match decision.verdict {
        Verdict::Unsupported => refused(RefusalKind::Unsupported, decision.reason),
        Verdict::Allow if caller.scope.covers(access) => Outcome::Allowed(decision),
        Verdict::Allow => {
            refused(RefusalKind::OutOfScope, "the scope of the token does not cover it".into())
        }
        // What a token does not carry another might (decision D22). What it does carry was allowed
        // when it was made, or is for some tags: another would carry no more.
        Verdict::Deny if !caller.scope.covers(access) => {
            refused(RefusalKind::OutOfScope, decision.reason)
        }
        Verdict::Deny => refused(RefusalKind::Denied, decision.reason),
    }
}
