//! What somebody does, in the accesses that the registry asks the policy for.

use std::str::FromStr;

use clap::ValueEnum;
use registry_core::{
    access::{Access, Action},
    identity::Principal,
    name::{NameError, RepositoryName},
    policy::{Explanation, Facts, PolicyFile, Step},
    ports::Question,
    tag::{Tag, TagError},
};

use super::Known;

/// What somebody does.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Operation {
    /// Read from the repository
    Pull,
    /// Push to a repository that is there
    Push,
    /// Push to a repository that is not there
    Create,
    /// Become the owner of a repository that has none by a push
    Claim,
    /// Push to a tag that is there
    Overwrite,
    /// Delete from the repository
    Delete,
    /// List the repositories; see this one among them, where one is given
    Catalog,
    /// Change who owns the repository and who may see it; without one look after the registry
    Admin,
}

/// What it is done to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    name: RepositoryName,
    tag: Option<Tag>,
}

/// Somebody, what they do it to, and what is known of that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) principal: &'a Principal,
    pub(super) target: Option<&'a Target>,
    pub(super) known: &'a Known,
}

/// A permission that the operation takes, and the access that the registry asks for it with.
#[derive(Clone, Debug)]
pub(super) struct Taken<'a> {
    pub(super) access: Access,
    pub(super) step: Step<'a>,
}

impl Operation {
    /// Everything that the operation takes. Without a target it is that of the registry alone.
    pub(super) fn steps<'a>(self, policy: &'a PolicyFile, asked: Asked<'_>) -> Vec<Taken<'a>> {
        let explain = |access: &Access| -> Explanation<'a> {
            let question = Question::within(access.clone(), asked.known.repository());
            policy.explain(asked.principal, &question)
        };
        let taken = |access: Access| Taken { step: explain(&access).step, access };
        let step = |action| asked.target.map(|target| taken(target.access(action)));
        let of_registry = |action| Some(taken(Access::registry(action)));
        let push = asked.target.map(|target| target.access(Action::Push));
        let push = push.map(|access| (explain(&access), access));
        let pushing =
            push.as_ref().map(|(push, access)| Taken { step: push.step, access: access.clone() });
        let besides = push.as_ref().and_then(|(push, access)| {
            push.besides.map(|step| Taken { step, access: access.clone() })
        });
        let steps = match self {
            Self::Pull => [step(Action::Pull), None],
            // Where the store says that it is not there, the push would have to create it.
            Self::Push => {
                let creates = push.is_some_and(|(push, _)| push.facts == Facts::New);
                [pushing, besides.filter(|_| creates && asked.known.is_known())]
            }
            Self::Create | Self::Claim => [pushing, besides],
            Self::Overwrite => [pushing, step(Action::Overwrite)],
            Self::Delete => [step(Action::Delete), None],
            Self::Catalog => [of_registry(Action::Catalog), step(Action::Pull)],
            Self::Admin if asked.target.is_some() => [step(Action::Admin), None],
            Self::Admin => [of_registry(Action::Admin), None],
        };
        steps.into_iter().flatten().collect()
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
