//! A challenge is one well-formed header that is read back as what it was made of, or none; and
//! what is read can be written.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use registry_http::{BearerError, Challenge};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Text(&'a str),
    Basic(&'a str),
    Bearer { realm: &'a str, service: &'a str, scope: Option<&'a str>, error: Option<bool> },
}

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Text(text) => {
            if let Ok(challenge) = text.parse::<Challenge>() {
                assert!(is_kept(&challenge), "{challenge:?} was read and cannot be written");
            }
        }
        Input::Basic(realm) => {
            let challenge = Challenge::Basic { realm: realm.to_owned() };
            assert_eq!(is_kept(&challenge), is_printable(realm));
        }
        Input::Bearer { realm, service, scope, error } => {
            let challenge = Challenge::Bearer {
                realm: realm.to_owned(),
                service: service.to_owned(),
                scope: scope.map(ToOwned::to_owned),
                error: error.map(|invalid| match invalid {
                    true => BearerError::InvalidToken,
                    false => BearerError::InsufficientScope,
                }),
            };
            let parts = [realm, service, scope.unwrap_or_default()];
            assert_eq!(is_kept(&challenge), parts.into_iter().all(is_printable));
        }
    }
});

/// Whether it can be written; it is then read as the same.
fn is_kept(challenge: &Challenge) -> bool {
    let Some(header) = challenge.to_header() else { return false };
    let text = header.to_str().expect("printable ASCII");
    assert_eq!(text.parse().as_ref(), Ok(challenge), "{text}");
    true
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' '..=b'~'))
}
