//! `Authorization` headers, one a line: only nothing is anonymous, and what is read is what was
//! written (RFC 7617, RFC 6750).
#![no_main]

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap,
    header::{AUTHORIZATION, HeaderValue},
};
use libfuzzer_sys::fuzz_target;
use registry_core::credentials::Credentials;
use registry_http::credentials;

fuzz_target!(|data: &[u8]| {
    let lines = if data.is_empty() { vec![] } else { data.split(|b| *b == b'\n').collect() };
    let values: Result<Vec<_>, _> =
        lines.iter().map(|line| HeaderValue::from_bytes(line)).collect();
    let Ok(values) = values else { return };
    match read(&values) {
        Err(error) => {
            assert!(!values.is_empty());
            assert!(error.to_string().starts_with("the Authorization header is malformed: "));
        }
        Ok(credentials) => {
            assert!(values.len() <= 1, "which of them?");
            check(&credentials, values.first());
        }
    }
});

fn read(values: &[HeaderValue]) -> Result<Credentials, registry_http::AuthorizationError> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(AUTHORIZATION, value.clone());
    }
    credentials(&headers)
}

fn check(credentials: &Credentials, value: Option<&HeaderValue>) {
    let text = value.map(|value| value.to_str().expect("it was understood"));
    let (scheme, rest) = text.and_then(|text| text.split_once(' ')).unwrap_or_default();
    let rest = rest.trim_matches(' ');
    match credentials {
        // Neither user nor password.
        Credentials::Absent => assert!(text.is_none() || rest == "Og=="),
        Credentials::Basic { username, password } => {
            assert!(scheme.eq_ignore_ascii_case("basic"));
            assert!(!username.contains(':'));
            let both = format!("{username}:{}", password.expose());
            assert!(both != ":" && !both.chars().any(char::is_control));
            assert_eq!(BASE64_STANDARD.encode(both), rest);
        }
        Credentials::Bearer(token) => {
            assert!(scheme.eq_ignore_ascii_case("bearer"));
            assert_eq!(token.expose(), rest);
            assert!(!rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()));
        }
        other => panic!("{other:?}"),
    }
}
