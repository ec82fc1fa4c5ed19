//! `WWW-Authenticate`: how a client is to show who it is.

use std::str::FromStr;

use hyper::header::HeaderValue;

/// The name under which a client keeps its credentials, and may show to its user: 1 to 100 printable
/// ASCII characters without `"` and `\`, so that it cannot end the header's quoted string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realm(Box<str>);

/// The text is not a realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a realm has 1 to 100 printable ASCII characters, without '\"' and '\\'")]
pub struct RealmError;

impl Realm {
    /// The challenge of RFC 7617. Clients take the scheme of all their requests from the challenge
    /// of `/v2/`.
    pub(crate) fn basic(&self) -> HeaderValue {
        // No byte of it is one that a header may not have.
        HeaderValue::try_from(format!("Basic realm=\"{}\"", self.0))
            .unwrap_or(HeaderValue::from_static("Basic realm=\"registry\""))
    }
}

impl FromStr for Realm {
    type Err = RealmError;

    fn from_str(text: &str) -> Result<Self, RealmError> {
        let fits = (1..=100).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\');
        if fits { Ok(Self(text.into())) } else { Err(RealmError) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_a_realm_stays_one_quoted_string(text in "\\PC{0,12}|[\\x00-\\x7f]{0,12}") {
            let Ok(realm) = text.parse::<Realm>() else {
                let quoted = text.contains(['"', '\\']);
                let plain = text.bytes().all(|b| matches!(b, b' '..=b'~'));
                prop_assert!(text.is_empty() || quoted || !plain);
                return Ok(());
            };
            let challenge = realm.basic();
            let said = challenge.to_str().ok().and_then(|c| c.strip_prefix("Basic realm=\"")?.strip_suffix('"'));
            prop_assert_eq!(said, Some(&*text));
        }
    }
}
