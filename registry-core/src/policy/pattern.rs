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
///   same id.
///
/// Every pattern fits some name. Telling whether it fits one takes time in proportion to the
/// lengths of both.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryPattern {
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
         number of components, and {{user}} for the component that is the user's id"
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

    /// Whether it fits a repository that the principal asks for.
    #[must_use]
    pub fn fits(&self, principal: &Principal, name: &RepositoryName) -> bool {
        let user = user(principal);
        let mut names = name.as_str().split('/');
        let mut fit = |component: &Component| names.next().is_some_and(|n| component.fits(user, n));
        if !self.first.iter().all(&mut fit) {
            return false;
        }
        let Some(last) = &self.last else { return names.next().is_none() };
        last.iter()
            .rev()
            .all(|component| names.next_back().is_some_and(|n| component.fits(user, n)))
    }

    /// Whether it fits anything at all for the principal.
    #[must_use]
    pub fn is_for(&self, principal: &Principal) -> bool {
        let mut components = self.first.iter().chain(self.last.iter().flatten());
        user(principal).is_some_and(component::is_literal)
            || components.all(|component| *component != Component::User)
    }
}

/// What `{user}` stands for.
fn user(principal: &Principal) -> Option<&str> {
    match principal.kind() {
        PrincipalKind::User => Some(principal.id()),
        _ => None,
    }
}

impl FromStr for RepositoryPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.len() > RepositoryName::MAX_LENGTH {
            return Err(PatternError::TooLong);
        }
        let mut pattern = Self { first: Vec::new(), last: None };
        for part in text.split('/') {
            if part == Self::ANY {
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
        let any = self.last.iter().map(|_| Self::ANY.to_owned());
        let first = self.first.iter().map(Component::to_string);
        let last = self.last.iter().flatten().map(Component::to_string);
        f.write_str(&first.chain(any).chain(last).collect::<Vec<_>>().join("/"))
    }
}

crate::text::serde_as_text!(RepositoryPattern);
