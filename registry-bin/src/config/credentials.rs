//! Kinds of credentials, as a setting names them.

use std::fmt;

use registry_core::identity::CredentialKind;

use super::value::Value;

const KINDS: [(&str, CredentialKind); 4] = [
    ("password", CredentialKind::Password),
    ("user-key", CredentialKind::UserKey),
    ("project-key", CredentialKind::ProjectKey),
    ("runner-token", CredentialKind::RunnerToken),
];

/// Some kinds of credentials, perhaps none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CredentialKinds(Vec<(&'static str, CredentialKind)>);

impl CredentialKinds {
    pub(crate) fn kinds(&self) -> impl Iterator<Item = CredentialKind> {
        self.0.iter().map(|(_, kind)| *kind)
    }
}

impl Value for CredentialKinds {
    fn expected() -> String {
        let words: Vec<_> = KINDS.iter().map(|(word, _)| *word).collect();
        format!("some of {}, separated by commas, or empty", words.join(", "))
    }

    fn parse(text: &str) -> Option<Self> {
        let words = text.split(',').map(str::trim).filter(|_| !text.is_empty());
        let kind = |word| KINDS.iter().find(|(known, _)| *known == word).copied();
        words.map(kind).collect::<Option<Vec<_>>>().map(Self)
    }
}

impl fmt::Display for CredentialKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.0.iter().map(|(word, _)| *word).collect();
        f.write_str(&words.join(","))
    }
}
