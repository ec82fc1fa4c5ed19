//! What somebody does, in the accesses that the registry asks the policy for.

use std::str::FromStr;

use clap::ValueEnum;
use registry_core::{
    access::{Access, Action, Resource},
    identity::Principal,
    name::{NameError, RepositoryName},
    policy::{Numbered, Permission, PolicyFile},
    ports::Question,
    tag::{Tag, TagError},
};

/// What somebody does.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Operation {
    /// Read from the repository
    Pull,
    /// Push to a repository that is there
    Push,
    /// Push to a repository that is not there
    Create,
    /// Push to a tag that is there
    Overwrite,
    /// Delete from the repository
    Delete,
    /// List the repositories; see this one among them, where one is given
    Catalog,
}

/// What it is done to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    name: RepositoryName,
    tag: Option<Tag>,
}

/// A permission that the operation takes, and the first rule that gives it.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) permission: Permission,
    pub(super) rule: Option<Numbered<'a>>,
}

impl Operation {
    /// Everything that the operation takes. Without a target it is that of the registry alone.
    pub(super) fn steps<'a>(
        self,
        policy: &'a PolicyFile,
        principal: &Principal,
        target: Option<&Target>,
    ) -> Vec<Step<'a>> {
        let lists = Access { action: Action::Catalog, resource: Resource::Registry };
        let on = |action| target.map(|target| target.access(action));
        let step = |permission, access: Option<Access>| {
            // Of a repository that does not exist.
            let explanation = policy.explain(principal, &Question::new(access?));
            let step = match permission {
                Permission::Create => explanation.besides?,
                _ => explanation.step,
            };
            let rule = step.rule.filter(|_| step.is_allowed());
            Some(Step { permission, rule: rule.map(|allowance| allowance.rule) })
        };
        let pull = || step(Permission::Pull, on(Action::Pull));
        let push = || step(Permission::Push, on(Action::Push));
        let steps = match self {
            Self::Pull => [pull(), None],
            Self::Push => [push(), None],
            Self::Create => [push(), step(Permission::Create, on(Action::Push))],
            Self::Overwrite => [push(), step(Permission::Overwrite, on(Action::Overwrite))],
            Self::Delete => [step(Permission::Delete, on(Action::Delete)), None],
            Self::Catalog => [step(Permission::Catalog, Some(lists)), pull()],
        };
        steps.into_iter().flatten().collect()
    }
}

impl Target {
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
