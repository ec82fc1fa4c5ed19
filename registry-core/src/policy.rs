//! The policies that ship.

use async_trait::async_trait;

use crate::{
    access::{Access, Action},
    identity::{Principal, PrincipalKind},
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
        accesses: &[Access],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        let mut decisions = self.policy.authorize(principal, accesses).await?;
        if principal.kind() == PrincipalKind::Anonymous {
            for (decision, access) in decisions.iter_mut().zip(accesses) {
                if !self.access.covers(access.action) {
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
    use crate::{access::Resource, ports::Verdict};

    const ACTIONS: [Action; 5] =
        [Action::Pull, Action::Catalog, Action::Push, Action::Overwrite, Action::Delete];

    fn verdicts(authorizer: &impl Authorizer, principal: &Principal) -> Vec<Verdict> {
        let accesses = ACTIONS.map(|action| Access { action, resource: Resource::Registry });
        let decisions = block_on(authorizer.authorize(principal, &accesses)).expect("decisions");
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
                (Anonymous::new(access, AllowAll), Anonymous::new(access, ReadOnly));
            assert_eq!(verdicts(&over_all, &nobody), open, "{access:?}");
            assert_eq!(verdicts(&over_reads, &nobody), read_only, "{access:?}");
            assert_eq!(verdicts(&over_all, &somebody), verdicts(&AllowAll, &somebody));
            assert_eq!(verdicts(&over_reads, &somebody), verdicts(&ReadOnly, &somebody));
        }
    }
}
