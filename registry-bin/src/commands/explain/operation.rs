//! What somebody does, in the accesses that the registry asks the policy for.

use std::{str::FromStr, sync::Arc};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use registry_core::{
    access::{Access, Action},
    identity::Principal,
    name::{NameError, RepositoryName},
    policy::{Explanation, Facts, Permission, PolicyFile, Step},
    ports::Question,
    record::RepositoryRecord,
    tag::{Tag, TagError},
};

/// What somebody does who is permitted it, and whether it needs a repository.
const OPERATIONS: [(Permission, bool, &str); 8] = [
    (Permission::Pull, true, "Read from the repository"),
    (Permission::Push, true, "Push to a repository that is there"),
    (Permission::Create, true, "Push to a repository that is not there"),
    (Permission::Claim, true, "Become the owner of a repository that has none by a push"),
    (Permission::Overwrite, true, "Push to a tag that is there"),
    (Permission::Delete, true, "Delete from the repository"),
    (
        Permission::Catalog,
        false,
        "List the repositories; see this one among them, where one is given",
    ),
    (
        Permission::Admin,
        false,
        "Change who owns the repository and who may see it; without one look after the registry",
    ),
];

/// What it is done to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    name: RepositoryName,
    tag: Option<Tag>,
}

/// Somebody, what they do it to, and what is known of that.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) principal: &'a Principal,
    pub(super) target: Option<&'a Target>,
    /// Whether somebody was asked what the target is.
    pub(super) is_known: bool,
    /// `None` where it is not there, or not known.
    pub(super) repository: Option<Arc<RepositoryRecord>>,
}

/// A permission that the operation takes, and the access that the registry asks for it with.
#[derive(Clone, Debug)]
pub(super) struct Taken<'a> {
    pub(super) access: Access,
    pub(super) step: Step<'a>,
}

/// Reads what somebody does.
pub(super) fn parser() -> impl TypedValueParser<Value = Permission> {
    let words =
        OPERATIONS.map(|(permission, _, help)| PossibleValue::new(permission.as_str()).help(help));
    PossibleValuesParser::new(words).try_map(|word| word.parse::<Permission>())
}

/// The words of what needs a repository.
pub(super) fn of_repositories() -> impl Iterator<Item = &'static str> {
    OPERATIONS
        .into_iter()
        .filter(|(_, needs, _)| *needs)
        .map(|(permission, ..)| permission.as_str())
}

/// Everything that it takes to do this. Without a target it is that of the registry alone.
pub(super) fn steps<'a>(
    operation: Permission,
    policy: &'a PolicyFile,
    asked: &Asked<'_>,
) -> Vec<Taken<'a>> {
    let explain = |access: &Access| -> Explanation<'a> {
        let question = Question::within(access.clone(), asked.repository.clone());
        policy.explain(asked.principal, &question)
    };
    let taken = |access: Access| Taken { step: explain(&access).step, access };
    let step = |action| asked.target.map(|target| taken(target.access(action)));
    let of_registry = |action| Some(taken(Access::registry(action)));
    let push = asked.target.map(|target| target.access(Action::Push));
    let push = push.map(|access| (explain(&access), access));
    let pushing =
        push.as_ref().map(|(push, access)| Taken { step: push.step, access: access.clone() });
    let besides = push
        .as_ref()
        .and_then(|(push, access)| push.besides.map(|step| Taken { step, access: access.clone() }));
    let steps = match operation {
        Permission::Pull => [step(Action::Pull), None],
        // Where it is known not to be there, the push would have to create it.
        Permission::Push => {
            let creates = push.is_some_and(|(push, _)| push.facts == Facts::New);
            [pushing, besides.filter(|_| creates && asked.is_known)]
        }
        Permission::Create | Permission::Claim => [pushing, besides],
        Permission::Overwrite => [pushing, step(Action::Overwrite)],
        Permission::Delete => [step(Action::Delete), None],
        Permission::Catalog => [of_registry(Action::Catalog), step(Action::Pull)],
        Permission::Admin if asked.target.is_some() => [step(Action::Admin), None],
        Permission::Admin => [of_registry(Action::Admin), None],
        other => unreachable!("{other} is none of the operations"),
    };
    steps.into_iter().flatten().collect()
}

impl Asked<'_> {
    /// What the target is, where that is known.
    pub(super) fn facts(&self) -> Option<Facts> {
        let facts = self.repository.clone().map_or(Facts::New, Facts::Repository);
        (self.is_known && self.target.is_some()).then_some(facts)
    }
}

impl Target {
    pub(super) const fn name(&self) -> &RepositoryName {
        &self.name
    }

    fn access(&self, action: Action) -> Access {
        match &self.tag {
            Some(tag) => Access::tag(action, &self.name, tag),
            None => Access::repository(action, &self.name),
        }
    }
}

/// What is neither a repository nor a tag in one.
#[derive(Debug, thiserror::Error)]
pub(super) enum TargetError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Tag(#[from] TagError),
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let (name, tag) =
            text.split_once(':').map_or((text, None), |(name, tag)| (name, Some(tag)));
        Ok(Self { name: name.parse()?, tag: tag.map(str::parse).transpose()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_can_be_asked_about() {
        assert_eq!(OPERATIONS.map(|(permission, ..)| permission), Permission::ALL);
    }
}
