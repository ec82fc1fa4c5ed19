//! Why the rules decide what they decide.

use std::fmt;

use super::Rule;
use crate::ports::{Decision, Verdict};

/// A rule and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is this pair")]
pub struct Numbered<'a> {
    /// Its place among the rules; the first has 1.
    pub number: usize,
    /// The rule.
    pub rule: &'a Rule,
}

/// What the rules say of an access: nothing is allowed unless a rule allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation<'a> {
    /// The first rule that allows it.
    pub allowed_by: Option<Numbered<'a>>,
    /// The first rule that lets an allowed push create the repository.
    pub created_by: Option<Numbered<'a>>,
}

impl Explanation<'_> {
    /// What follows from it.
    #[must_use]
    pub fn decision(&self) -> Decision {
        let verdict = if self.allowed_by.is_some() { Verdict::Allow } else { Verdict::Deny };
        let create = self.created_by.is_some();
        Decision::new(verdict, self.to_string().into()).creating(create)
    }
}

/// `rule 2 "developers"`, in one line whatever its name.
impl fmt::Display for Numbered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {}", self.number)?;
        self.rule.name().map_or(Ok(()), |name| write!(f, " {name:?}"))
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.allowed_by {
            Some(rule) => write!(f, "{rule} allows it"),
            None => f.write_str("no rule allows it"),
        }
    }
}
