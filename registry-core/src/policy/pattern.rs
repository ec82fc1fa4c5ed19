//! Which repositories a rule is for.

mod component;

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use component::Component;

use crate::{
    identity::{Principal, PrincipalKind},
    name::RepositoryName,
};

/// A pattern of repository names: the grammar of names, and in it
///
/// * `*`, a component or a part of one: `team/*`, `team/app-*`; a part may be empty;
/// * `**`, any number of components, none included: `team/**` fits `team` and all below it, `**`
///   fits everything; once in a pattern;
/// * `{user}`, the component that is the id of the user who asks: `{user}/**` is a namespace of
///   one's own. It fits nothing where the id is no component of a name, as with upper case, and for
///   services and whoever is anonymous, so that nobody comes into the namespace of a user of the
///   same id;
/// * `{group}`, the component that is a group of whoever asks: `{group}/**` are the namespaces of
///   their groups;
/// * `{project}`, at the start alone, the namespace of the project that asks, which may have several
///   components; it fits nothing for anybody else.
///
/// Every pattern fits some name. Telling whether it fits one takes time in proportion to the
/// lengths of both.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryPattern {
    /// Whether the namespace of the project comes before anything else.
    in_project: bool,
    /// The components before `**`.
    first: Vec<Component>,
    /// Those after it, where there is one.
    last: Option<Vec<Component>>,
}

/// The text is not a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// No name could fit it.
    #[error(
        "a pattern is a repository name, with * for a component or a part of one, ** for any \
         number of components, {{user}} or {{group}} for the component that is the id of whoever \
         asks or of a group of theirs, and {{project}} at the start for the project's namespace"
    )]
    Grammar,
    /// It is longer than any name.
    #[error("a pattern has at most {} bytes", RepositoryName::MAX_LENGTH)]
    TooLong,
    /// `**` is in it twice.
    #[error("** may be in a pattern once")]
    Repeated,
}

impl RepositoryPattern {
    const ANY: &str = "**";
    const PROJECT: &str = "{project}";

    /// Whether it fits a repository that the principal asks for.
    #[must_use]
    pub fn fits(&self, principal: &Principal, name: &RepositoryName) -> bool {
        let rest = if self.in_project {
            match within(principal, name) {
                Some(rest) => rest,
                None => return false,
            }
        } else {
            Some(name.as_str())
        };
        let mut names = rest.into_iter().flat_map(|rest| rest.split('/'));
        let mut fit = |c: &Component| names.next().is_some_and(|n| c.fits(principal, n));
        if !self.first.iter().all(&mut fit) {
            return false;
        }
        let Some(last) = &self.last else { return names.next().is_none() };
        last.iter().rev().all(|c| names.next_back().is_some_and(|n| c.fits(principal, n)))
    }

    /// Whether it fits anything at all for the principal.
    #[must_use]
    pub fn is_for(&self, principal: &Principal) -> bool {
        (!self.in_project || principal.kind() == PrincipalKind::Project)
            && self.components().all(|component| component.is_for(principal))
    }

    /// Whether it fits the same for everybody.
    #[must_use]
    pub fn is_same_for_all(&self) -> bool {
        !self.in_project && self.components().all(|c| matches!(c, Component::Text(_)))
    }

    /// Whether it is `**`, which fits everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        !self.in_project && self.last.is_some() && self.components().next().is_none()
    }

    fn components(&self) -> impl Iterator<Item = &Component> {
        self.first.iter().chain(self.last.iter().flatten())
    }
}

/// What of a name is below the namespace of a project: nothing where it is the namespace itself;
/// `None` where it lies outside.
fn within<'a>(principal: &Principal, name: &'a RepositoryName) -> Option<Option<&'a str>> {
    let is_in = principal.kind() == PrincipalKind::Project && name.is_in(principal.id());
    is_in.then(|| name.as_str().get(principal.id().len() + 1..))
}

impl FromStr for RepositoryPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.len() > RepositoryName::MAX_LENGTH {
            return Err(PatternError::TooLong);
        }
        let mut pattern = Self { in_project: false, first: Vec::new(), last: None };
        for (i, part) in text.split('/').enumerate() {
            if part == Self::PROJECT && i == 0 {
                pattern.in_project = true;
            } else if part == Self::ANY {
                if pattern.last.replace(Vec::new()).is_some() {
                    return Err(PatternError::Repeated);
                }
            } else {
                let component = part.parse()?;
                pattern.last.as_mut().unwrap_or(&mut pattern.first).push(component);
            }
        }
        Ok(pattern)
    }
}

impl fmt::Display for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let project = self.in_project.then(|| Self::PROJECT.to_owned()).into_iter();
        let any = self.last.iter().map(|_| Self::ANY.to_owned());
        let first = self.first.iter().map(Component::to_string);
        let last = self.last.iter().flatten().map(Component::to_string);
        f.write_str(&project.chain(first).chain(any).chain(last).collect::<Vec<_>>().join("/"))
    }
}

crate::text::serde_as_text!(RepositoryPattern);
