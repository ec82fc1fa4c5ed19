//! What a repository has to be for a rule.

use std::{fmt, str::FromStr};

use super::Permission;
use crate::{
    identity::{Principal, PrincipalKind},
    record::{RepositoryRecord, Visibility},
};

/// What a repository has to be for a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// It does not exist: `new`.
    New,
    /// It exists, and nobody owns it: `unclaimed`.
    Unclaimed,
    /// Somebody owns it: `claimed`.
    Claimed,
    /// Whoever asks owns it: `owned`.
    Owned,
    /// It exists, and is for everybody to see: `public`.
    Public,
    /// It exists, and is not for everybody to see: `private`.
    Private,
}

/// The text is not a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a condition is new, unclaimed, claimed, owned, public or private")]
pub struct ConditionError;

impl Condition {
    /// Every condition there is.
    pub const ALL: [Self; 6] =
        [Self::New, Self::Unclaimed, Self::Claimed, Self::Owned, Self::Public, Self::Private];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Unclaimed => "unclaimed",
            Self::Claimed => "claimed",
            Self::Owned => "owned",
            Self::Public => "public",
            Self::Private => "private",
        }
    }

    /// Whether it holds for a principal and a repository; `None` is one that does not exist.
    #[must_use]
    pub fn holds(self, principal: &Principal, repository: Option<&RepositoryRecord>) -> bool {
        let Some(repository) = repository else { return self == Self::New };
        match self {
            Self::New => false,
            Self::Unclaimed => repository.owner.is_empty(),
            Self::Claimed => !repository.owner.is_empty(),
            // Whoever is anonymous owns nothing, and nobody's repositories are not theirs.
            Self::Owned => self.is_for(principal) && repository.owner == principal.owner(),
            Self::Public => repository.visibility == Visibility::Public,
            Self::Private => repository.visibility != Visibility::Public,
        }
    }

    /// Whether it holds for the principal in some repository.
    pub(super) fn is_for(self, principal: &Principal) -> bool {
        self != Self::Owned || principal.kind() != PrincipalKind::Anonymous
    }

    /// Whether a permission means anything where it holds.
    pub(super) const fn leaves(self, permission: Permission) -> bool {
        match permission {
            Permission::Create => matches!(self, Self::New),
            Permission::Claim => matches!(self, Self::Unclaimed | Self::Public | Self::Private),
            _ => true,
        }
    }
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        Self::ALL.into_iter().find(|condition| condition.as_str() == text).ok_or(ConditionError)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

crate::text::serde_as_text!(Condition);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{RepositoryId, Timestamp};

    fn repository(owner: &str, visibility: Visibility) -> RepositoryRecord {
        let id: RepositoryId = "id".parse().unwrap();
        let created = Timestamp::from(std::time::UNIX_EPOCH);
        RepositoryRecord::new(id, created, owner.to_owned(), visibility)
    }

    // Each state of a repository is a test of its own: an authorizer that mixes up two of them lets
    // somebody push where another pushes.

    #[track_caller]
    fn assert_holding(repository: Option<&RepositoryRecord>, expected: [&[&str]; 3]) {
        let principals = [
            Principal::new(PrincipalKind::User, "alice"),
            Principal::new(PrincipalKind::User, "bob"),
            Principal::anonymous(),
        ];
        for (principal, expected) in principals.iter().zip(expected) {
            let holding = Condition::ALL.into_iter().filter(|c| c.holds(principal, repository));
            let words: Vec<_> = holding.map(Condition::as_str).collect();
            assert_eq!(words, expected, "{principal:?} {repository:?}");
        }
    }

    #[test]
    fn a_repository_that_does_not_exist_is_new_and_nothing_else() {
        assert_holding(None, [&["new"]; 3]);
    }

    #[test]
    fn a_repository_without_an_owner_is_unclaimed_and_is_not_of_those_without_credentials() {
        let private = repository("", Visibility::Private);
        assert_holding(Some(&private), [&["unclaimed", "private"]; 3]);
        let public = repository("", Visibility::Public);
        assert_holding(Some(&public), [&["unclaimed", "public"]; 3]);
    }

    #[test]
    fn a_repository_with_an_owner_is_claimed_and_owned_by_nobody_else() {
        let private = repository("user:alice", Visibility::Private);
        let others = &["claimed", "private"][..];
        assert_holding(Some(&private), [&["claimed", "owned", "private"], others, others]);
        let service = repository("service:alice", Visibility::Public);
        assert_holding(Some(&service), [&["claimed", "public"]; 3]);
    }
}
