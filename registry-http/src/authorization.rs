//! The `Authorization` header of a request.

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, HeaderValue},
};
use registry_core::credentials::{Credentials, Secret};

/// The header is not one of `Basic` (RFC 7617) or `Bearer` (RFC 6750).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Authorization header is malformed: {0}")]
pub struct AuthorizationError(&'static str);

/// What a request says to show who sends it. Only where it says nothing it is anonymous; so is
/// `Basic` with neither user nor password, which skopeo sends for want of either.
///
/// # Errors
/// When the header is malformed, there are several, or the scheme is another.
pub fn credentials(headers: &HeaderMap) -> Result<Credentials, AuthorizationError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(Credentials::Absent) };
    if values.next().is_some() {
        return Err(AuthorizationError("there are several"));
    }
    parse(value)
}

/// Scheme names are case-insensitive, and one or more spaces follow them (RFC 9110 section 11.4).
fn parse(value: &HeaderValue) -> Result<Credentials, AuthorizationError> {
    let text = str::from_utf8(value.as_bytes()).ok().filter(|text| text.is_ascii());
    let text = text.ok_or(AuthorizationError("it is not ASCII"))?;
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("basic") {
        basic(rest)
    } else if scheme.eq_ignore_ascii_case("bearer") {
        bearer(rest)
    } else {
        Err(AuthorizationError("its scheme is neither Basic nor Bearer"))
    }
}

/// RFC 7617 section 2: `user:password`, neither with control characters; the first colon divides.
fn basic(encoded: &str) -> Result<Credentials, AuthorizationError> {
    let decoded =
        BASE64_STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or(AuthorizationError("its credentials are not base64 of UTF-8"))?;
    let (username, password) =
        decoded.split_once(':').ok_or(AuthorizationError("its credentials have no colon"))?;
    if decoded.chars().any(char::is_control) {
        return Err(AuthorizationError("its credentials have control characters"));
    }
    if username.is_empty() && password.is_empty() {
        return Ok(Credentials::Absent);
    }
    Ok(Credentials::Basic { username: username.to_owned(), password: Secret::new(password) })
}

/// RFC 6750 section 2.1: a token is of the characters of base64 and a few more.
fn bearer(token: &str) -> Result<Credentials, AuthorizationError> {
    let is_mark = |b| matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    let is_token = |b: u8| b.is_ascii_alphanumeric() || is_mark(b);
    let token_without_padding = token.trim_end_matches('=');
    // All of them, since the first that fits none is rare and several are looked at in one step.
    let is_all = token_without_padding.bytes().fold(true, |all, byte| all & is_token(byte));
    if token_without_padding.is_empty() || !is_all {
        return Err(AuthorizationError("it has no token"));
    }
    Ok(Credentials::Bearer(Secret::new(token)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(value: &str) -> Result<Credentials, AuthorizationError> {
        parse(&HeaderValue::from_str(value).expect("a header"))
    }

    fn of_basic(text: &str) -> Result<Credentials, AuthorizationError> {
        read(&format!("Basic {}", BASE64_STANDARD.encode(text)))
    }

    #[test]
    fn schemes_are_told_apart_in_any_case_and_with_any_spaces() {
        for value in ["Basic YTpi", "basic YTpi", "BASIC   YTpi  "] {
            let Ok(Credentials::Basic { username, password }) = read(value) else {
                panic!("{value}")
            };
            assert_eq!((username.as_str(), password.expose()), ("a", "b"), "{value}");
        }
        for value in ["Bearer abc.d-e_f~+/==", "bearer abc.d-e_f~+/==", "BEARER  abc.d-e_f~+/=="] {
            let Ok(Credentials::Bearer(token)) = read(value) else { panic!("{value}") };
            assert_eq!(token.expose(), "abc.d-e_f~+/==", "{value}");
        }
    }

    #[test]
    fn only_nothing_is_anonymous() {
        assert!(matches!(credentials(&HeaderMap::new()), Ok(Credentials::Absent)));
        assert!(matches!(of_basic(":"), Ok(Credentials::Absent)));
        for text in ["a:", ":b"] {
            assert!(matches!(of_basic(text), Ok(Credentials::Basic { .. })), "{text}");
        }
        for value in [
            "",
            "Basic",
            "Basic ",
            "Basic !",
            "Basic YTpi YTpi",
            "Basic YQ==",
            "Basic gDpi",
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer =",
            "Bearer \"a\"",
            "Digest a",
            "YTpi",
            "BasicYTpi",
        ] {
            assert!(read(value).is_err(), "{value:?}");
        }
        assert!(of_basic("a\r\nb:c").is_err() && of_basic("a:b\0").is_err());
        let mut twice = HeaderMap::new();
        twice.append(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
        twice.append(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
        assert!(credentials(&twice).is_err());
    }

    proptest! {
        #[test]
        fn a_user_and_a_password_are_read_as_they_were_written(
            username in "[^:\\pC]{0,9}",
            password in "\\PC{1,9}",
        ) {
            let Ok(Credentials::Basic { username: u, password: p }) =
                of_basic(&format!("{username}:{password}"))
            else {
                return Err(TestCaseError::fail("no credentials"));
            };
            prop_assert_eq!((u, p.expose()), (username, &*password));
        }

        #[test]
        fn no_header_is_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let _ = parse(&value);
            }
        }
    }
}
