//! Why a policy decides what it decides.

use std::{fmt, sync::Arc};

use super::{Condition, Permission, Rule, credentials};
use crate::{
    identity::{CredentialKind, Principal, PrincipalKind},
    ports::{Decision, Question, Verdict},
    record::{RepositoryRecord, Visibility},
};

/// A rule and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is this pair")]
pub struct Numbered<'a> {
    /// Its place among the rules; the first has 1.
    pub number: usize,
    /// The rule.
    pub rule: &'a Rule,
}

/// A rule that allows something, and what about the repository made it fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is this pair")]
pub struct Allowance<'a> {
    /// The rule.
    pub rule: Numbered<'a>,
    /// The first of its conditions that held; `None` where it has none.
    pub condition: Option<Condition>,
}

/// What takes away what a rule gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exclusion {
    /// The principal is of a kind that could never do it.
    Principal,
    /// Credentials of this kind are not for it.
    Credential(CredentialKind),
    /// The immutable tags with this number, of which the first has 1.
    Immutable(usize),
}

/// What was decided on: the repository as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Facts {
    /// The registry as a whole was asked about.
    Registry,
    /// A repository that does not exist.
    New,
    /// This repository.
    Repository(Arc<RepositoryRecord>),
}

/// A permission that something takes, and who gives it or takes it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step<'a> {
    /// What it takes.
    pub permission: Permission,
    /// The first rule that gives it.
    pub rule: Option<Allowance<'a>>,
    /// What takes it away all the same.
    pub excluded: Option<Exclusion>,
}

/// What a policy says of a question: nothing is allowed unless a rule allows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation<'a> {
    /// What was decided on.
    pub facts: Facts,
    /// Whether it is allowed.
    pub step: Step<'a>,
    /// With a push, whether it may also create the repository where that is new, or claim it where
    /// that is unclaimed.
    pub besides: Option<Step<'a>>,
}

impl Explanation<'_> {
    /// What follows from it. The reason is written out for a refusal alone: it goes to the log, and
    /// an allowed request into none.
    #[must_use]
    pub fn decision(&self) -> Decision {
        if !self.step.is_allowed() {
            return Decision::new(Verdict::Deny, self.to_string().into());
        }
        let besides = self.besides.filter(Step::is_allowed).map(|step| step.permission);
        Decision::new(Verdict::Allow, "a rule allows it".into())
            .creating(besides == Some(Permission::Create))
            .claiming(besides == Some(Permission::Claim))
    }

    /// Notes for each step what takes it away.
    pub(super) fn exclude(&mut self, exclusion: impl Fn(Permission) -> Option<Exclusion>) {
        for step in [&mut self.step].into_iter().chain(&mut self.besides) {
            step.excluded = step.excluded.or_else(|| exclusion(step.permission));
        }
    }
}

impl Step<'_> {
    /// Whether it is given and not taken away.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        self.rule.is_some() && self.excluded.is_none()
    }
}

impl Facts {
    pub(super) fn of(question: &Question) -> Self {
        match (question.access.resource.repository(), &question.repository) {
            (None, _) => Self::Registry,
            (Some(_), None) => Self::New,
            (Some(_), Some(repository)) => Self::Repository(Arc::clone(repository)),
        }
    }

    /// What a push does there besides, if it may.
    pub(super) fn besides_push(&self, principal: &Principal) -> Option<Permission> {
        match self {
            Self::New => Some(Permission::Create),
            Self::Repository(repository) => {
                let claims = principal.kind() != PrincipalKind::Anonymous;
                (claims && repository.owner.is_empty()).then_some(Permission::Claim)
            }
            Self::Registry => None,
        }
    }
}

/// `rule 2 "developers"`, in one line whatever its name.
impl fmt::Display for Numbered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {}", self.number)?;
        self.rule.name().map_or(Ok(()), |name| write!(f, " {name:?}"))
    }
}

/// `rule 2 "developers" allows it when owned`.
impl fmt::Display for Allowance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} allows it", self.rule)?;
        self.condition.map_or(Ok(()), |condition| write!(f, " when {condition}"))
    }
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal => f.write_str("the credential is for less than this"),
            Self::Credential(kind) => {
                write!(f, "credentials of the kind {} are not for it", credentials::word(*kind))
            }
            Self::Immutable(number) => write!(f, "immutable {number} fixes the tag"),
        }
    }
}

/// `the repository is private and owned by user:alice`.
impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repository = match self {
            Self::Registry => return f.write_str("the registry as a whole"),
            Self::New => return f.write_str("the repository does not exist"),
            Self::Repository(repository) => repository,
        };
        let visible = match repository.visibility {
            Visibility::Public => "public",
            Visibility::Private => "private",
        };
        match &*repository.owner {
            "" => write!(f, "the repository is {visible} and unclaimed"),
            owner => write!(f, "the repository is {visible} and owned by {owner}"),
        }
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.excluded, self.rule) {
            (Some(excluded), _) => excluded.fmt(f),
            (None, Some(rule)) => rule.fmt(f),
            (None, None) => f.write_str("no rule allows it"),
        }
    }
}

/// What decided, and where no rule did, what the repository was.
impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.step.fmt(f)?;
        match (self.step.is_allowed(), &self.facts) {
            (true, _) | (_, Facts::Registry) => Ok(()),
            (false, facts) => write!(f, "; {facts}"),
        }
    }
}
