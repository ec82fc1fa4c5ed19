//! `WWW-Authenticate`: how a client is to show who it is.

mod parse;

use std::{fmt::Write as _, str::FromStr};

use hyper::header::HeaderValue;

/// The name under which a client keeps its credentials, and may show to its user: 1 to 100 printable
/// ASCII characters without `"` and `\`, so that it cannot end the header's quoted string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realm(Box<str>);

/// The text is not a realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a realm has 1 to 100 printable ASCII characters, without '\"' and '\\'")]
pub struct RealmError;

/// One challenge (RFC 9110 section 11.6.1). [`Challenge::to_header`] and [`FromStr`] are inverse.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Challenge {
    /// A user name and a password (RFC 7617).
    Basic {
        /// What they are for.
        realm: String,
    },
    /// A token (RFC 6750), as distribution's "Token Authentication" describes it.
    Bearer {
        /// The address of the token service.
        realm: String,
        /// What the token is for.
        service: String,
        /// What it has to carry; `None` where any token will do.
        scope: Option<String>,
        /// What is wrong with the token that was shown; `None` where none was.
        error: Option<BearerError>,
    },
}

/// What is wrong with a token (RFC 6750 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BearerError {
    /// It is malformed, expired, revoked or none of ours.
    InvalidToken,
    /// It is good, and not for this.
    InsufficientScope,
}

/// The text is not a challenge of a scheme that is known here, or it is a list of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no challenge of Basic or Bearer")]
pub struct ChallengeError;

impl Realm {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The challenge of RFC 7617. Clients take the scheme of all their requests from the challenge
    /// of `/v2/`.
    pub(crate) fn basic(&self) -> HeaderValue {
        let challenge = Challenge::Basic { realm: self.0.clone().into() };
        // No character of it is one that a header may not have.
        challenge.to_header().unwrap_or(HeaderValue::from_static("Basic realm=\"registry\""))
    }
}

impl FromStr for Realm {
    type Err = RealmError;

    fn from_str(text: &str) -> Result<Self, RealmError> {
        let fits = (1..=100).contains(&text.len())
            && text.bytes().all(|b| is_printable(b) && b != b'"' && b != b'\\');
        if fits { Ok(Self(text.into())) } else { Err(RealmError) }
    }
}

impl Challenge {
    /// The header's value: `"` and `\` are escaped. `None` where it would have a character that a
    /// header may not have, or that clients read differently: anything but printable ASCII.
    #[must_use]
    pub fn to_header(&self) -> Option<HeaderValue> {
        let mut header = String::with_capacity(200);
        match self {
            Self::Basic { realm } => {
                header.push_str("Basic ");
                push(&mut header, "realm", realm)?;
            }
            Self::Bearer { realm, service, scope, error } => {
                header.push_str("Bearer ");
                push(&mut header, "realm", realm)?;
                header.push(',');
                push(&mut header, "service", service)?;
                let error = error.map(BearerError::as_str);
                for (name, value) in [("scope", scope.as_deref()), ("error", error)] {
                    if let Some(value) = value {
                        header.push(',');
                        push(&mut header, name, value)?;
                    }
                }
            }
        }
        HeaderValue::try_from(header).ok()
    }
}

impl BearerError {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }
}

impl FromStr for Challenge {
    type Err = ChallengeError;

    /// Scheme and parameters may be in any case and order; parameters that are not known say nothing,
    /// and none may be there twice.
    fn from_str(text: &str) -> Result<Self, ChallengeError> {
        parse::challenge(text).ok_or(ChallengeError)
    }
}

/// A parameter as a quoted string (RFC 9110 section 5.6.4).
fn push(header: &mut String, name: &str, value: &str) -> Option<()> {
    if !value.bytes().all(is_printable) {
        return None;
    }
    write!(header, "{name}=\"").ok()?;
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            header.push('\\');
        }
        header.push(c);
    }
    header.push('"');
    Some(())
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<Challenge> {
        text.parse().ok()
    }

    fn bearer(scope: Option<&str>, error: Option<BearerError>) -> Challenge {
        Challenge::Bearer {
            realm: "https://a/v2/_token".to_owned(),
            service: "b".to_owned(),
            scope: scope.map(ToOwned::to_owned),
            error,
        }
    }

    #[test]
    fn a_challenge_is_written_as_clients_know_it() {
        for (challenge, text) in [
            (
                bearer(Some("repository:a/b:pull,push repository:c:pull"), None),
                r#"Bearer realm="https://a/v2/_token",service="b",scope="repository:a/b:pull,push repository:c:pull""#,
            ),
            (
                bearer(None, Some(BearerError::InvalidToken)),
                r#"Bearer realm="https://a/v2/_token",service="b",error="invalid_token""#,
            ),
            (Challenge::Basic { realm: "a \"b\\".to_owned() }, r#"Basic realm="a \"b\\""#),
        ] {
            assert_eq!(challenge.to_header().expect("a header"), text);
            assert_eq!(read(text), Some(challenge));
        }
    }

    #[test]
    fn what_others_write_is_read_too() {
        let plain = bearer(None, None);
        for text in [
            "bearer REALM=\"https://a/v2/_token\" , service=b",
            "BEARER   service=\"b\",,realm=\"https:\\/\\/a/v2/_token\",",
            "Bearer realm=\"https://a/v2/_token\",service=\"b\",error=\"other\",x=\"y, z=\\\"\"",
        ] {
            assert_eq!(read(text).as_ref(), Some(&plain), "{text}");
        }
        for text in [
            "",
            "Bearer",
            "Bearer ",
            "Basic",
            "Digest realm=\"a\"",
            "Bearer realm=\"a\"",
            "Bearer service=\"a\"",
            "Basic realm=\"a",
            "Basic realm=\"a\\",
            "Basic realm=\"a\"b",
            "Basic realm=",
            "Basic =\"a\"",
            "Basic realm=\"a\",realm=\"b\"",
            "Basic realm=\"a\" charset=\"UTF-8\"",
            "Basic realm=\"a\", Bearer realm=\"b\",service=\"c\"",
            "Basic realm=\"\u{e4}\"",
            "Basic realm=\"a\r\nb\"",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

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

        #[test]
        fn what_is_written_is_read_as_it_was(
            [realm, service, scope] in prop::array::uniform3("[\\x20-\\x7e]{0,12}|\\PC{0,5}|[\\x00-\\x7f]{0,5}"),
            has_scope: bool,
            error in prop::option::of(prop::sample::select(&[
                BearerError::InvalidToken,
                BearerError::InsufficientScope,
            ])),
        ) {
            let scope = has_scope.then_some(scope);
            let challenge = Challenge::Bearer { realm, service, scope, error };
            let Challenge::Bearer { realm, service, scope, .. } = &challenge else { unreachable!() };
            let plain = [Some(realm), Some(service), scope.as_ref()]
                .into_iter()
                .flatten()
                .all(|text| text.bytes().all(is_printable));
            let header = challenge.to_header();
            prop_assert_eq!(header.is_some(), plain);
            if let Some(header) = header {
                prop_assert_eq!(read(header.to_str().expect("ASCII")), Some(challenge));
            }
        }

        #[test]
        fn what_is_read_can_be_written(text in "(Basic|bearer) ((realm|service|scope|error|x)=(\"[ -~]{0,5}\"|[a-z_\"\\\\]{0,9}),? ?){0,5}") {
            if let Some(challenge) = read(&text) {
                let header = challenge.to_header().expect("nothing odd gets in");
                prop_assert_eq!(read(header.to_str().expect("ASCII")), Some(challenge));
            }
        }
    }
}
