//! A component of a pattern.

use std::{fmt, str::FromStr};

use super::PatternError;
use crate::name::RepositoryName;

/// What a component of a name has to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Component {
    /// The id of the user who asks.
    User,
    /// These texts, with anything between them: one text where there is no `*`, two around one.
    Text(Box<[Box<str>]>),
}

impl Component {
    const USER: &str = "{user}";

    /// Whether it fits a component of a name. Each text is looked for from where the one before it
    /// ended and is never looked for again: the earliest place leaves the most room for the rest.
    pub(super) fn fits(&self, user: Option<&str>, name: &str) -> bool {
        let texts = match self {
            Self::User => return user == Some(name),
            Self::Text(texts) => texts,
        };
        let [first, middle @ .., last] = &**texts else { return *texts[0] == *name };
        let Some(rest) = name.strip_prefix(&**first) else { return false };
        let Some(mut rest) = rest.strip_suffix(&**last) else { return false };
        middle.iter().all(|text| {
            let found = rest.find(&**text);
            found.map(|at| rest = &rest[at + text.len()..]).is_some()
        })
    }
}

/// Whether it is a component of a name.
pub(super) fn is_literal(text: &str) -> bool {
    !text.contains('/') && text.parse::<RepositoryName>().is_ok()
}

impl FromStr for Component {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text == Self::USER {
            return Ok(Self::User);
        }
        // Some component fits it exactly if one does that has a single letter for each `*`: a letter
        // ends whatever separator is before it, and every part of a separator is one.
        let fits_some = is_literal(&text.replace('*', "x")) && !text.contains("**");
        fits_some
            .then(|| Self::Text(text.split('*').map(Box::from).collect()))
            .ok_or(PatternError::Grammar)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User => f.write_str(Self::USER),
            Self::Text(texts) => f.write_str(&texts.join("*")),
        }
    }
}
