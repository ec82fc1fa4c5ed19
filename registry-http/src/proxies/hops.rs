//! What proxies wrote into a request's headers.

use std::net::{IpAddr, SocketAddr};

use hyper::{HeaderMap, header::HeaderName};

use super::ForwardingHeaders;

const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What one proxy said of whoever sent it the request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hop {
    /// Their address, where it is said and is one.
    pub(super) address: Option<IpAddr>,
    /// What they asked for.
    pub(super) host: Option<String>,
    pub(super) proto: Proto,
}

/// How they asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Proto {
    #[default]
    Unsaid,
    Http,
    Https,
    Other,
}

/// What was said, that of the proxy next to the server first.
pub(super) fn nearest_first(headers: &HeaderMap, which: ForwardingHeaders) -> Vec<Hop> {
    match which {
        ForwardingHeaders::XForwarded => x_forwarded(headers),
        ForwardingHeaders::Forwarded => forwarded(headers).unwrap_or_default(),
    }
}

/// Whether anything was said at all, by whomever.
pub(super) fn are_said(headers: &HeaderMap) -> bool {
    [FORWARDED, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO]
        .iter()
        .any(|name| headers.contains_key(name))
}

/// Three lists that belong together by their right ends. Proxies mostly append to the addresses, and
/// replace the others, so that the one host there is belongs to all addresses.
fn x_forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let list = |name: &HeaderName| {
        let values = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
        let mut list: Vec<&str> =
            values.flat_map(|value| value.split(',')).map(str::trim).collect();
        list.reverse();
        list
    };
    let (addresses, hosts, protos) =
        (list(&X_FORWARDED_FOR), list(&X_FORWARDED_HOST), list(&X_FORWARDED_PROTO));
    let nothing = hosts.is_empty() && protos.is_empty();
    let count = addresses.len().max(usize::from(!nothing));
    let at = |list: &[&str], i: usize| list.get(i).or(list.last()).map(|text| (*text).to_owned());
    let hop = |i: usize| Hop {
        address: addresses.get(i).and_then(|text| address(text)),
        host: at(&hosts, i),
        proto: at(&protos, i).map_or(Proto::Unsaid, |text| proto(&text)),
    };
    (0..count).map(hop).collect()
}

/// `None` where it is not well formed: somebody may have left a quoted string open, so that what the
/// proxy wrote seems to be a part of it.
fn forwarded(headers: &HeaderMap) -> Option<Vec<Hop>> {
    let mut hops = Vec::new();
    for value in headers.get_all(FORWARDED) {
        for element in split(value.to_str().ok()?, ',')? {
            hops.push(element_hop(element)?);
        }
    }
    hops.reverse();
    Some(hops)
}

/// `[ forwarded-pair ] *( ";" [ forwarded-pair ] )` (RFC 7239 section 4).
fn element_hop(element: &str) -> Option<Hop> {
    let mut hop = Hop::default();
    for pair in split(element, ';')?.into_iter().filter(|pair| !pair.trim().is_empty()) {
        let (name, value) = pair.trim().split_once('=')?;
        let value = unquote(value);
        match &*name.to_ascii_lowercase() {
            "for" => hop.address = address(&value),
            "host" => hop.host = Some(value),
            "proto" => hop.proto = proto(&value),
            _ => {}
        }
    }
    Some(hop)
}

/// Splits where the separator is in no quoted string; `None` where one is left open.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (i, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            c if c == separator && !is_quoted => {
                parts.push(&text[start..i]);
                start = i + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!is_quoted).then_some(parts)
}

fn unquote(value: &str) -> String {
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace('\\', ""),
        None => value.to_owned(),
    }
}

fn proto(text: &str) -> Proto {
    if text.eq_ignore_ascii_case("https") {
        Proto::Https
    } else if text.eq_ignore_ascii_case("http") {
        Proto::Http
    } else {
        Proto::Other
    }
}

/// An address, perhaps with a port, and with brackets where it is of IPv6. `unknown` and names that
/// hide it are none.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_come_in_many_forms() {
        for (text, expected) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1:80", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:80", Some("2001:db8::1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("unknown", None),
            ("_hidden", None),
            ("", None),
            ("192.0.2.1.5", None),
            ("192.0.2.01", None),
            ("[192.0.2.1", None),
        ] {
            assert_eq!(address(text), expected.map(|e| e.parse().expect("an address")), "{text}");
        }
    }

    #[test]
    fn an_open_quoted_string_hides_nothing() {
        let said = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.append(FORWARDED, HeaderValue::from_str(value).expect("a header"));
            let hops = forwarded(&headers)?;
            hops.first().map(|hop| (hop.address.map(|a| a.to_string()), hop.host.clone()))
        };
        let nearest = Some((Some("192.0.2.9".to_owned()), Some("b".to_owned())));
        for start in ["", "for=1.1.1.1;host=a, ", "for=\"1.1.1.1;host=a\", ", "x=\"\\\"\", "] {
            assert_eq!(said(&format!("{start}For=192.0.2.9; Host=\"b\"")), nearest, "{start}");
        }
        for start in ["for=\"", "for=\"\\", "for=\"\\\"", "x=\"a\", y=\""] {
            assert_eq!(said(&format!("{start}, for=192.0.2.9;host=b")), None, "{start}");
            assert_eq!(said(&format!("{start}, for=\"192.0.2.9\";host=\"b\"")), None, "{start}");
        }
    }

    proptest! {
        #[test]
        fn what_a_client_wrote_never_changes_what_the_proxy_did(
            made_up in "([a-z0-9.=;,\"\\\\ \\[\\]:]|for=|host=){0,20}",
        ) {
            let mut headers = HeaderMap::new();
            let appended = format!("{made_up}, for=\"[2001:db8::9]:5\";host=\"b\"");
            headers.append(FORWARDED, HeaderValue::from_str(&appended).expect("a header"));
            if let Some(hops) = forwarded(&headers) {
                prop_assert_eq!(hops[0].address, "2001:db8::9".parse().ok());
                prop_assert_eq!(hops[0].host.as_deref(), Some("b"));
            }
        }
    }
}
