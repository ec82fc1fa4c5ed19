//! A component of a pattern.

use std::{fmt, str::FromStr};

use super::PatternError;
use crate::{
    identity::{Principal, PrincipalKind},
    name::RepositoryName,
    policy::stars::Stars,
};

/// What a component of a name has to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Component {
    /// The id of the user who asks.
    User,
    /// A group of whoever asks.
    Group,
    /// This text, with anything for each `*`.
    Text(Stars),
}

impl Component {
    const USER: &str = "{user}";
    const GROUP: &str = "{group}";

    /// Whether it fits a component of a name.
    pub(super) fn fits(&self, principal: &Principal, name: &str) -> bool {
        match self {
            Self::User => user(principal) == Some(name),
            Self::Group => principal.groups().any(|group| group == name),
            Self::Text(text) => text.fits(name),
        }
    }

    /// Whether it fits anything for the principal.
    pub(super) fn is_for(&self, principal: &Principal) -> bool {
        match self {
            Self::User => user(principal).is_some_and(is_literal),
            Self::Group => principal.groups().any(is_literal),
            Self::Text(_) => true,
        }
    }
}

fn user(principal: &Principal) -> Option<&str> {
    (principal.kind() == PrincipalKind::User).then(|| principal.id())
}

/// Whether it is a component of a name.
fn is_literal(text: &str) -> bool {
    !text.contains('/') && text.parse::<RepositoryName>().is_ok()
}

impl FromStr for Component {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        match text {
            Self::USER => return Ok(Self::User),
            Self::GROUP => return Ok(Self::Group),
            _ => {}
        }
        // Some component fits it exactly if one does that has a single letter for each `*`: a letter
        // ends whatever separator is before it, and every part of a separator is one.
        let fits_some = is_literal(&text.replace('*', "x")) && !text.contains("**");
        fits_some.then(|| Self::Text(Stars::new(text))).ok_or(PatternError::Grammar)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User => f.write_str(Self::USER),
            Self::Group => f.write_str(Self::GROUP),
            Self::Text(text) => text.fmt(f),
        }
    }
}
