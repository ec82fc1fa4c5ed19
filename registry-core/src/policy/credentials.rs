//! What credentials of a kind are good for, whosever they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Exclusion, Permission};
use crate::{
    identity::{CredentialKind, Principal},
    ports::{Authorizer, AuthorizerError, Decision, Question, Verdict},
};

/// For some kinds of credentials, all that they are good for. What is not listed is good for
/// whatever its principal may do.
///
/// As a table of a file, with the kinds `none`, `password`, `user-key`, `project-key`,
/// `runner-token` and `other`:
///
/// ```toml
/// [credentials]
/// project-key = ["pull", "push", "create"]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Credentials(BTreeMap<Kind, BTreeSet<Permission>>);

impl Credentials {
    /// Every kind is good for everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, but credentials of this kind are good for these alone.
    #[must_use]
    pub fn limit(mut self, kind: CredentialKind, to: impl IntoIterator<Item = Permission>) -> Self {
        self.0.insert(Kind(kind), to.into_iter().collect());
        self
    }

    /// Whether no kind is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether credentials of a kind are good for something.
    #[must_use]
    pub fn allow(&self, kind: CredentialKind, permission: Permission) -> bool {
        self.0.get(&Kind(kind)).is_none_or(|allowed| allowed.contains(&permission))
    }

    /// What takes a permission away from a principal.
    pub(super) fn exclusion(
        &self,
        principal: &Principal,
        permission: Permission,
    ) -> Option<Exclusion> {
        let kind = principal.credential();
        (!self.allow(kind, permission)).then_some(Exclusion::Credential(kind))
    }
}

/// What another policy decides, but no more than what the caller's credential is good for.
#[derive(Clone, Debug)]
pub struct CredentialMatrix<A> {
    credentials: Credentials,
    policy: A,
}

impl<A: Authorizer> CredentialMatrix<A> {
    /// Credentials are good for this, as long as the policy lets their principals.
    #[must_use]
    pub const fn new(credentials: Credentials, policy: A) -> Self {
        Self { credentials, policy }
    }
}

#[async_trait]
impl<A: Authorizer> Authorizer for CredentialMatrix<A> {
    async fn authorize(
        &self,
        principal: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        let allow = |permission| self.credentials.allow(principal.credential(), permission);
        let mut decisions = self.policy.authorize(principal, questions).await?;
        for (decision, question) in decisions.iter_mut().zip(questions) {
            let excluded = self.credentials.exclusion(principal, Permission::of(&question.access));
            match excluded {
                Some(excluded) if decision.verdict == Verdict::Allow => {
                    *decision = Decision::new(Verdict::Deny, excluded.to_string().into());
                }
                _ => {
                    decision.create &= allow(Permission::Create);
                    decision.claim &= allow(Permission::Claim);
                }
            }
        }
        Ok(decisions)
    }
}

/// A kind of credentials as a file names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind(CredentialKind);

/// The text is no kind of credentials.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a kind of credentials is none, password, user-key, project-key, runner-token or other")]
struct KindError;

const KINDS: [CredentialKind; 6] = [
    CredentialKind::None,
    CredentialKind::Password,
    CredentialKind::UserKey,
    CredentialKind::ProjectKey,
    CredentialKind::RunnerToken,
    CredentialKind::Other,
];

pub(super) const fn word(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::None => "none",
        CredentialKind::Password => "password",
        CredentialKind::UserKey => "user-key",
        CredentialKind::ProjectKey => "project-key",
        CredentialKind::RunnerToken => "runner-token",
        CredentialKind::Other => "other",
    }
}

impl FromStr for Kind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        KINDS.into_iter().find(|kind| word(*kind) == text).map(Self).ok_or(KindError)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word(self.0))
    }
}

crate::text::serde_as_text!(Kind);

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::{access::Access, access::Action, identity::PrincipalKind, policy::AllowAll};

    #[test]
    fn what_is_listed_is_good_for_that_alone_and_everything_else_for_everything() {
        let json = r#"{"project-key": ["push", "create"], "runner-token": []}"#;
        let credentials: Credentials = serde_json::from_str(json).unwrap();
        let built = Credentials::new()
            .limit(CredentialKind::ProjectKey, [Permission::Push, Permission::Create])
            .limit(CredentialKind::RunnerToken, []);
        assert_eq!(credentials, built);
        for kind in KINDS {
            for permission in Permission::ALL {
                let expected = match kind {
                    CredentialKind::ProjectKey => {
                        matches!(permission, Permission::Push | Permission::Create)
                    }
                    CredentialKind::RunnerToken => false,
                    _ => true,
                };
                assert_eq!(credentials.allow(kind, permission), expected, "{kind:?} {permission}");
            }
        }
    }

    #[test]
    fn every_kind_has_a_word_of_its_own_and_others_are_refused() {
        for kind in KINDS {
            let all = Credentials::new().limit(kind, [Permission::Pull]);
            let printed = serde_json::to_string(&all).unwrap();
            assert_eq!(printed, format!(r#"{{"{}":["pull"]}}"#, word(kind)));
            assert_eq!(serde_json::from_str::<Credentials>(&printed).unwrap(), all);
        }
        for json in [r#"{"key": []}"#, r#"{"Password": []}"#, r#"{"none": ["fly"]}"#] {
            assert!(serde_json::from_str::<Credentials>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn it_takes_away_from_any_policy_and_adds_nothing() {
        let limited = |permissions: &[Permission]| {
            let of = permissions.iter().copied();
            CredentialMatrix::new(Credentials::new().limit(CredentialKind::UserKey, of), AllowAll)
        };
        let alice = Principal::new(PrincipalKind::User, "alice");
        let with_key = alice.clone().with_credential(CredentialKind::UserKey, Some("k1"));
        let push = Question::new(Access::repository(Action::Push, &"a".parse().unwrap()));
        let decide = |policy: &CredentialMatrix<AllowAll>, who: &Principal| {
            block_on(policy.authorize(who, std::slice::from_ref(&push))).unwrap().remove(0)
        };
        let pulls = limited(&[Permission::Pull]);
        assert_eq!(decide(&pulls, &alice).verdict, Verdict::Allow);
        let denied = decide(&pulls, &with_key);
        assert_eq!(denied.verdict, Verdict::Deny);
        assert_eq!(denied.reason, "credentials of the kind user-key are not for it");
        assert!(!denied.create);
        let pushes = decide(&limited(&[Permission::Push]), &with_key);
        assert_eq!((pushes.verdict, pushes.create), (Verdict::Allow, false));
        let creates = decide(&limited(&[Permission::Push, Permission::Create]), &with_key);
        assert_eq!((creates.verdict, creates.create), (Verdict::Allow, true));
    }
}
