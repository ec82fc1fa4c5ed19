//! Callers without credentials, held back from what others may.

use async_trait::async_trait;

use crate::{
    access::Action,
    identity::{Principal, PrincipalKind},
    ports::{Authorizer, AuthorizerError, Decision, Question},
};

/// What another policy decides, but no more than this for callers without credentials.
#[derive(Clone, Copy, Debug)]
pub struct Anonymous<A> {
    access: AnonymousAccess,
    policy: A,
}

/// How far callers without credentials come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnonymousAccess {
    /// Nowhere.
    None,
    /// They may read, and list what there is.
    Pull,
    /// As far as everybody else.
    All,
}

impl<A: Authorizer> Anonymous<A> {
    /// Callers without credentials come so far, as long as the policy lets them; it alone decides on
    /// everybody else.
    #[must_use]
    pub const fn new(access: AnonymousAccess, policy: A) -> Self {
        Self { access, policy }
    }
}

#[async_trait]
impl<A: Authorizer> Authorizer for Anonymous<A> {
    async fn authorize(
        &self,
        principal: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        let mut decisions = self.policy.authorize(principal, questions).await?;
        if principal.kind() == PrincipalKind::Anonymous {
            for (decision, question) in decisions.iter_mut().zip(questions) {
                if !self.access.covers(question.access.action) {
                    *decision = Decision::deny("anonymous callers may not");
                }
            }
        }
        Ok(decisions)
    }
}

impl AnonymousAccess {
    const fn covers(self, action: Action) -> bool {
        match self {
            Self::None => false,
            Self::Pull => matches!(action, Action::Pull | Action::Catalog),
            Self::All => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::{
        access::Access,
        policy::{AllowAll, ReadOnly},
        ports::Verdict,
    };

    const ACTIONS: [Action; 5] =
        [Action::Pull, Action::Catalog, Action::Push, Action::Overwrite, Action::Delete];

    fn verdicts(authorizer: &impl Authorizer, principal: &Principal) -> Vec<Verdict> {
        let questions = ACTIONS.map(|action| Question::new(Access::registry(action)));
        let decisions = block_on(authorizer.authorize(principal, &questions)).expect("decisions");
        decisions.into_iter().map(|decision| decision.verdict).collect()
    }

    #[test]
    fn anonymous_callers_come_as_far_as_both_policies_let_them() {
        use AnonymousAccess::{All, None, Pull};
        use Verdict::{Allow, Deny, Unsupported};

        let [nobody, somebody] =
            [Principal::anonymous(), Principal::new(PrincipalKind::User, "anonymous")];
        for (access, open, read_only) in [
            (None, [Deny; 5], [Deny; 5]),
            (Pull, [Allow, Allow, Deny, Deny, Deny], [Allow, Allow, Deny, Deny, Deny]),
            (All, [Allow; 5], [Allow, Allow, Unsupported, Unsupported, Unsupported]),
        ] {
            let (over_all, over_reads) =
                (Anonymous::new(access, AllowAll), Anonymous::new(access, ReadOnly(AllowAll)));
            assert_eq!(verdicts(&over_all, &nobody), open, "{access:?}");
            assert_eq!(verdicts(&over_reads, &nobody), read_only, "{access:?}");
            assert_eq!(verdicts(&over_all, &somebody), verdicts(&AllowAll, &somebody));
            assert_eq!(verdicts(&over_reads, &somebody), verdicts(&ReadOnly(AllowAll), &somebody));
        }
    }
}
