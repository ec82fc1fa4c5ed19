//! Texts with `*` for any characters.

use std::fmt;

/// These texts, with anything between them: one text where there is no `*`, two around one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stars(Box<[Box<str>]>);

impl Stars {
    /// Splits the text at each `*`. The caller sees to it that something fits.
    pub(super) fn new(text: &str) -> Self {
        Self(text.split('*').map(Box::from).collect())
    }

    /// Whether all of a text fits. Each part is looked for from where the one before it ended and is
    /// never looked for again: the earliest place leaves the most room for the rest.
    pub(super) fn fits(&self, text: &str) -> bool {
        let [first, middle @ .., last] = &*self.0 else { return *self.0[0] == *text };
        let Some(rest) = text.strip_prefix(&**first) else { return false };
        let Some(mut rest) = rest.strip_suffix(&**last) else { return false };
        middle.iter().all(|part| {
            let found = rest.find(&**part);
            found.map(|at| rest = &rest[at + part.len()..]).is_some()
        })
    }
}

impl fmt::Display for Stars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("*"))
    }
}
