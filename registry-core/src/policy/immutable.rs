//! Tags that stay what they are.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Exclusion, RepositoryPattern, TagPattern};
use crate::{
    access::{Access, Action, Resource},
    identity::Principal,
    name::RepositoryName,
    ports::{Authorizer, AuthorizerError, Decision, Question, Verdict},
    tag::Tag,
};

/// Tags that nobody moves or deletes once they are set, whatever else a policy says: those that one
/// of `tags` fits, in the repositories that one of `repositories` fits. A manifest that has such a
/// tag cannot be deleted either.
///
/// It says nothing of the blobs and the manifests to which that manifest refers: whoever may delete
/// in the repository may delete those, by their digests, and the tag then stands for an image that
/// cannot be pulled whole (decision D18).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Immutable {
    repositories: Vec<RepositoryPattern>,
    tags: Vec<TagPattern>,
}

/// These tags are not what was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImmutableError {
    /// They are none.
    #[error("immutable tags are some: neither repositories nor tags is empty")]
    Empty,
    /// Whether they are immutable would depend on who asks.
    #[error(
        "tags are immutable for everybody: {{user}}, {{group}} and {{project}} say nothing here"
    )]
    Personal,
}

impl Immutable {
    /// These tags in these repositories.
    ///
    /// # Errors
    /// [`ImmutableError`] where that is nothing, or not the same for everybody.
    pub fn new(
        repositories: impl IntoIterator<Item = RepositoryPattern>,
        tags: impl IntoIterator<Item = TagPattern>,
    ) -> Result<Self, ImmutableError> {
        let repositories: Vec<RepositoryPattern> = repositories.into_iter().collect();
        let tags: Vec<TagPattern> = tags.into_iter().collect();
        if repositories.is_empty() || tags.is_empty() {
            return Err(ImmutableError::Empty);
        }
        if !repositories.iter().all(RepositoryPattern::is_same_for_all) {
            return Err(ImmutableError::Personal);
        }
        Ok(Self { repositories, tags })
    }

    /// Whether a tag is one of them.
    #[must_use]
    pub fn fits(&self, name: &RepositoryName, tag: &Tag) -> bool {
        let everybody = Principal::anonymous();
        self.tags.iter().any(|pattern| pattern.fits(tag))
            && self.repositories.iter().any(|pattern| pattern.fits(&everybody, name))
    }
}

/// What takes an access away: the first that is for the tag.
pub(super) fn exclusion(immutable: &[Immutable], access: &Access) -> Option<Exclusion> {
    let Resource::Tag(name, tag) = &access.resource else { return None };
    match access.action {
        Action::Overwrite | Action::Delete => {
            let at = immutable.iter().position(|immutable| immutable.fits(name, tag))?;
            Some(Exclusion::Immutable(at + 1))
        }
        Action::Pull | Action::Push | Action::Catalog | Action::Admin => None,
    }
}

/// What another policy decides, but nobody moves or deletes immutable tags.
#[derive(Clone, Debug)]
pub struct ImmutableTags<A> {
    immutable: Vec<Immutable>,
    policy: A,
}

impl<A: Authorizer> ImmutableTags<A> {
    /// These are immutable; the policy decides everything else.
    #[must_use]
    pub fn new(immutable: impl IntoIterator<Item = Immutable>, policy: A) -> Self {
        Self { immutable: immutable.into_iter().collect(), policy }
    }
}

#[async_trait]
impl<A: Authorizer> Authorizer for ImmutableTags<A> {
    async fn authorize(
        &self,
        principal: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        let mut decisions = self.policy.authorize(principal, questions).await?;
        for (decision, question) in decisions.iter_mut().zip(questions) {
            if decision.verdict == Verdict::Allow
                && let Some(excluded) = exclusion(&self.immutable, &question.access)
            {
                *decision = Decision::new(Verdict::Deny, excluded.to_string().into());
            }
        }
        Ok(decisions)
    }
}

/// Immutable tags as a file has them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename = "immutable")]
struct Unchecked {
    repositories: Vec<RepositoryPattern>,
    tags: Vec<TagPattern>,
}

impl TryFrom<Unchecked> for Immutable {
    type Error = ImmutableError;

    fn try_from(unchecked: Unchecked) -> Result<Self, ImmutableError> {
        Self::new(unchecked.repositories, unchecked.tags)
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::policy::{AllowAll, ReadOnly};

    fn immutable(json: &str) -> Result<Immutable, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_nothing_or_depends_on_who_asks_is_refused() {
        for (json, error) in [
            (r#"{"repositories": [], "tags": ["v*"]}"#, "neither"),
            (r#"{"repositories": ["a"], "tags": []}"#, "neither"),
            (r#"{"repositories": ["a"]}"#, "missing field `tags`"),
            (r#"{"repositories": ["a"], "tags": ["."]}"#, "a pattern of tags"),
            (r#"{"repositories": ["a", "{user}/**"], "tags": ["*"]}"#, "for everybody"),
            (r#"{"repositories": ["a/{group}"], "tags": ["*"]}"#, "for everybody"),
            (r#"{"repositories": ["{project}"], "tags": ["*"]}"#, "for everybody"),
            (r#"{"repositories": ["a"], "tags": ["*"], "who": []}"#, "unknown field"),
        ] {
            let found = immutable(json).expect_err(json);
            assert!(found.contains(error), "{json}: {found}");
        }
    }

    #[test]
    fn moving_and_deleting_are_denied_and_nothing_else() {
        let fixed = immutable(r#"{"repositories": ["a/**"], "tags": ["v*", "stable"]}"#).unwrap();
        let policy = ImmutableTags::new([fixed.clone()], AllowAll);
        let read_only = ImmutableTags::new([fixed], ReadOnly(AllowAll));
        for (name, tag, is_fixed) in [
            ("a", "v1", true),
            ("a/b", "stable", true),
            ("a/b", "v", true),
            ("a/b", "V1", false),
            ("a", "latest", false),
            ("b", "v1", false),
        ] {
            let (name, tag) = (name.parse().unwrap(), tag.parse().unwrap());
            for action in [Action::Pull, Action::Push, Action::Overwrite, Action::Delete] {
                let on_tag = Question::new(Access::tag(action, &name, &tag));
                let on_all = Question::new(Access::repository(action, &name));
                let questions = [on_tag, on_all];
                let who = Principal::anonymous();
                let verdicts = |decided: Vec<Decision>| -> Vec<Verdict> {
                    decided.into_iter().map(|decision| decision.verdict).collect()
                };
                let changes = matches!(action, Action::Overwrite | Action::Delete);
                let denied = is_fixed && changes;
                let expected = if denied { Verdict::Deny } else { Verdict::Allow };
                let decided = verdicts(block_on(policy.authorize(&who, &questions)).unwrap());
                assert_eq!(decided, [expected, Verdict::Allow], "{action:?} {name} {tag}");
                // What nobody may do at all stays so.
                let expected =
                    if action == Action::Pull { Verdict::Allow } else { Verdict::Unsupported };
                let decided = verdicts(block_on(read_only.authorize(&who, &questions)).unwrap());
                assert_eq!(decided, [expected; 2], "{action:?} {name} {tag}");
            }
        }
    }
}
