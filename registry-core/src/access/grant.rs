//! Actions on one resource, and how tokens and challenges write them.

use std::collections::BTreeSet;

use super::{Action, Resource};
use crate::name::RepositoryName;

/// Some actions on one resource, perhaps none: what a client asks for, or what a token carries.
///
/// Its text is the `resourcescope` of the token protocol (distribution, "Token Scope
/// Documentation"): `repository:<name>:pull,push,delete` or `registry:catalog:*`.
///
/// One that was made carries what it was made with:
///
/// ```compile_fail,E0616
/// use registry_core::access::{Action, Grant};
/// let mut grants = Grant::parse_scopes("repository:a:pull");
/// grants[0].actions.insert(Action::Push);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    resource: Resource,
    actions: BTreeSet<Action>,
}

impl Grant {
    /// These actions on a resource.
    #[must_use]
    pub fn new(resource: Resource, actions: impl IntoIterator<Item = Action>) -> Self {
        Self { resource, actions: actions.into_iter().collect() }
    }

    /// These actions on a repository.
    #[must_use]
    pub fn repository(name: &RepositoryName, actions: impl IntoIterator<Item = Action>) -> Self {
        Self::new(Resource::Repository(name.clone()), actions)
    }

    /// On what.
    #[must_use]
    pub const fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Which.
    #[must_use]
    pub const fn actions(&self) -> &BTreeSet<Action> {
        &self.actions
    }

    /// Reads scopes separated by spaces. What the registry does not know says nothing: types,
    /// actions, and names that are no repository's. A resource that is named twice is there once,
    /// with the actions of both.
    #[must_use]
    pub fn parse_scopes(text: &str) -> Vec<Self> {
        let mut grants: Vec<Self> = Vec::new();
        for grant in text.split(' ').filter_map(Self::parse) {
            match grants.iter_mut().find(|other| other.resource == grant.resource) {
                Some(other) => other.actions.extend(grant.actions),
                None => grants.push(grant),
            }
        }
        grants
    }

    /// The type is before the first colon, the actions are behind the last.
    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        // A class says what sort of content it is: `repository(plugin)`.
        let kind = kind.split_once('(').map_or(kind, |(kind, _)| kind);
        let resource = Resource::of_type(kind, name)?;
        let words = actions.split(',').flat_map(|word| resource.actions_of(word).iter().copied());
        let actions = words.collect();
        Some(Self { resource, actions })
    }

    /// Its text; `None` for one tag alone, for which the protocol has no words.
    #[must_use]
    pub fn to_scope(&self) -> Option<String> {
        let (kind, name) = self.resource.type_and_name()?;
        Some(format!("{kind}:{name}:{}", self.words().join(",")))
    }

    /// The words of its actions, as the protocol has them for this resource.
    #[must_use]
    pub fn words(&self) -> Vec<&'static str> {
        let word = |action: &Action| match action {
            Action::Pull => Some("pull"),
            Action::Push => Some("push"),
            Action::Delete => Some("delete"),
            Action::Catalog => Some("*"),
            Action::Overwrite | Action::Admin => None,
        };
        self.actions.iter().filter_map(word).collect()
    }
}

impl Resource {
    /// The resource of a type and a name of the token protocol.
    #[must_use]
    pub fn of_type(kind: &str, name: &str) -> Option<Self> {
        match (kind, name) {
            ("registry", "catalog") => Some(Self::Registry),
            ("repository", name) => name.parse().ok().map(Self::Repository),
            _ => None,
        }
    }

    /// Its type and name in the token protocol, which has none for a tag.
    #[must_use]
    pub fn type_and_name(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Registry => Some(("registry", "catalog")),
            Self::Repository(name) => Some(("repository", name.as_str())),
            Self::Tag(..) => None,
        }
    }

    /// What a word of the protocol stands for; nothing where it is not known.
    #[must_use]
    pub fn actions_of(&self, word: &str) -> &'static [Action] {
        match (self, word) {
            (Self::Registry, "*") => &[Action::Catalog],
            (Self::Repository(_), "pull") => &[Action::Pull],
            (Self::Repository(_), "push") => &[Action::Push],
            (Self::Repository(_), "delete") => &[Action::Delete],
            (Self::Repository(_), "*") => &[Action::Pull, Action::Push, Action::Delete],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printed(text: &str) -> Vec<String> {
        Grant::parse_scopes(text).iter().map(|grant| grant.to_scope().unwrap()).collect()
    }

    #[test]
    fn what_is_not_known_says_nothing() {
        for (text, grants) in [
            ("", &[][..]),
            ("repository:a/b:pull", &["repository:a/b:pull"]),
            ("repository:a:push,pull", &["repository:a:pull,push"]),
            ("repository:a:*", &["repository:a:pull,push,delete"]),
            ("repository(plugin):a:pull", &["repository:a:pull"]),
            ("repository:a:pull,fly", &["repository:a:pull"]),
            ("repository:a:", &["repository:a:"]),
            ("repository:a:PULL", &["repository:a:"]),
            ("registry:catalog:*", &["registry:catalog:*"]),
            ("registry:catalog:pull", &["registry:catalog:"]),
            ("registry:other:*", &[]),
            ("fleet:a:pull", &[]),
            ("repository:A:pull", &[]),
            ("repository:localhost:5000/a:pull", &[]),
            ("repository:pull", &[]),
            ("repository", &[]),
            (
                "  repository:a:pull  repository:b:push ",
                &["repository:a:pull", "repository:b:push"],
            ),
            ("repository:a:pull repository:a:push", &["repository:a:pull,push"]),
        ] {
            assert_eq!(printed(text), grants, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_as_the_same(text in "((repository|registry|x):[a-z/]{0,5}:(pull|push|delete|[*]|,){0,5} ?){0,4}") {
            let once = printed(&text).join(" ");
            prop_assert_eq!(printed(&once).join(" "), once);
        }
    }
}
