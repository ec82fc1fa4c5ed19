//! The origin of the registry, which clients need where a relative reference will not do: in the
//! address of the token service.

use std::{fmt, net::Ipv6Addr, str::FromStr};

/// A scheme and a host, with a port where it is not the scheme's own: `https://registry.example.com`,
/// `http://[::1]:5000`. It can stand in a header's quoted string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(Box<str>);

/// The text is not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an origin is https://host or https://host:port, or the same with http, without a path")]
pub struct OriginError;

impl Origin {
    /// The origin of a host, with or without a port.
    pub(crate) fn new(is_tls: bool, host: &str) -> Option<Self> {
        let scheme = if is_tls { "https" } else { "http" };
        is_host(host).then(|| Self(format!("{scheme}://{host}").into()))
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let (scheme, host) = text.split_once("://").ok_or(OriginError)?;
        let is_tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(OriginError),
        };
        Self::new(is_tls, host.strip_suffix('/').unwrap_or(host)).ok_or(OriginError)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `uri-host [ ":" port ]` (RFC 9110 section 7.2), of which names have letters, digits, `-`, `.` and
/// `_` only. What is meant by the rest of RFC 3986's `reg-name` no client would agree on.
fn is_host(text: &str) -> bool {
    match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').is_some_and(|(address, rest)| {
            address.parse::<Ipv6Addr>().is_ok()
                && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
        }),
        None => match text.split_once(':') {
            Some((name, port)) => is_name(name) && is_port(port),
            None => is_name(text),
        },
    }
}

fn is_name(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for good in [
            "https://registry.example.com",
            "http://localhost:5000",
            "https://10.0.0.1",
            "https://[2001:db8::1]:8443",
            "http://my_registry.local:80",
        ] {
            assert_eq!(
                good.parse::<Origin>().map(|origin| origin.to_string()),
                Ok(good.to_owned())
            );
            assert_eq!(format!("{good}/").parse::<Origin>(), good.parse());
        }
        for bad in [
            "",
            "registry.example.com",
            "ftp://a",
            "HTTPS://a",
            "https://",
            "https:///",
            "https://a/b",
            "https://a?b",
            "https://user@a",
            "https://a:",
            "https://a:0",
            "https://a:65536",
            "https://a:+5",
            "https://a:1:2",
            "https://::1",
            "https://[::1",
            "https://[::1]x",
            "https://[a]",
            "https://[]",
            "https://a b",
            "https://a\"b",
            "https://a\\b",
            "https://a,b",
            "https://a\r\nX: y",
            "https://\u{e4}",
            "https://%61",
        ] {
            assert_eq!(bad.parse::<Origin>(), Err(OriginError), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_in_it_ends_a_quoted_string(host in "\\PC{0,9}|[\\x00-\\x7f]{0,9}") {
            if let Some(origin) = Origin::new(true, &host) {
                let plain = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
                prop_assert!(origin.to_string().bytes().all(plain));
            }
        }
    }
}
