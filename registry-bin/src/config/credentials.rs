//! Kinds of credentials, as a setting names them.

use std::fmt;

use registry_core::identity::CredentialKind;
use serde::{Deserialize, Serialize};

use super::value::Value;

const KINDS: [(&str, CredentialKind); 4] = [
    ("password", CredentialKind::Password),
    ("user-key", CredentialKind::UserKey),
    ("project-key", CredentialKind::ProjectKey),
    ("runner-token", CredentialKind::RunnerToken),
];

/// Some kinds of credentials, perhaps none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
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

impl TryFrom<String> for CredentialKinds {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(Self::expected)
    }
}

impl From<CredentialKinds> for String {
    fn from(kinds: CredentialKinds) -> Self {
        kinds.to_string()
    }
}

impl fmt::Display for CredentialKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.0.iter().map(|(word, _)| *word).collect();
        f.write_str(&words.join(","))
    }
}
