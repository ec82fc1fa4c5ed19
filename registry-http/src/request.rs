//! What a request's head says beside its [`Endpoint`](registry_core::endpoint::Endpoint): who
//! asks, over which connection, and the headers that the endpoints read.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use hyper::{
    HeaderMap, Version,
    header::{
        CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, EXPECT, HOST, HeaderName, IF_RANGE, RANGE,
    },
    http::request::Parts,
};
use registry_core::{
    digest::Digest,
    error::RegistryError,
    identity::{Caller, Principal},
    manifest::ManifestError,
    media_type::MediaType,
    ports::Random,
    range::{ByteRange, ContentRange},
};

use crate::file_windows::FileWindows;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a server knows of the connection that a request came over. [`serve`](crate::serve) puts it
/// into the request's extensions; another server may do the same.
#[derive(Clone, Debug, Default)]
pub struct ConnectionInfo {
    pub(crate) peer: Option<IpAddr>,
    /// Whether its bytes are encrypted.
    pub(crate) is_tls: bool,
    /// Where the connection sends files, what of them it is sending.
    pub(crate) windows: Option<FileWindows>,
}

impl ConnectionInfo {
    /// A connection from this address.
    #[must_use]
    pub const fn new(peer: IpAddr) -> Self {
        Self { peer: Some(peer), is_tls: false, windows: None }
    }

    /// The same connection over TLS.
    #[must_use]
    pub fn over_tls(self) -> Self {
        Self { is_tls: true, ..self }
    }
}

pub(crate) fn is_http1(head: &Parts) -> bool {
    head.version <= Version::HTTP_11
}

/// RFC 9112 section 3.2: an HTTP/1.1 request has one `Host`, and a server answers 400 where it has
/// none or several. A request that did not come over a connection needs none.
pub(crate) fn names_its_host(head: &Parts) -> bool {
    let over_http11 =
        head.version == Version::HTTP_11 && head.extensions.get::<ConnectionInfo>().is_some();
    !over_http11 || head.headers.get_all(HOST).iter().count() == 1
}

/// Whether the client waits for `100 Continue` before it sends the body.
pub(crate) fn waits_to_send(head: &Parts) -> bool {
    head.headers.get(EXPECT).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Who asks: the one place where a [`Caller`] is made.
pub(crate) fn caller(anonymous: &Principal, id: Arc<str>, peer: Option<IpAddr>) -> Caller {
    let caller = Caller::new(anonymous.clone(), id);
    match peer {
        Some(peer) => caller.with_peer(peer),
        None => caller,
    }
}

/// Makes request ids: a random part for this process and a count, so that an id costs neither a
/// system call nor a lock. It is unique, and no secret.
pub(crate) struct RequestIds {
    process: String,
    count: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(random: &dyn Random) -> Self {
        let mut process = [0; 8];
        random.fill(&mut process);
        let process = format!("{:016x}-", u64::from_be_bytes(process));
        Self { process, count: AtomicU64::new(0) }
    }

    /// The id of a request: the client's own if it is well formed, so that a proxy's log and ours
    /// agree, else a fresh one.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Arc<str> {
        let given = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
        match given {
            Some(id) if is_request_id(id) => id.into(),
            _ => self.fresh(),
        }
    }

    fn fresh(&self) -> Arc<str> {
        let count = self.count.fetch_add(1, Relaxed);
        let mut id = String::with_capacity(self.process.len() + 16);
        id.push_str(&self.process);
        let digits = (u64::BITS - count.leading_zeros()).div_ceil(4).max(1);
        for digit in (0..digits).rev() {
            let digit = (count >> (4 * digit)) & 0xf;
            id.push(char::from(b"0123456789abcdef"[digit as usize]));
        }
        id.into()
    }
}

fn is_request_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/+=".contains(&b))
}

/// The `Range` of a download. Several ranges, other units and nonsense are ignored, as RFC 9110
/// section 14.2 allows (D26); so is a range with an `If-Range` that is not this content's tag
/// (section 13.1.5).
pub(crate) fn byte_range(headers: &HeaderMap, digest: &Digest) -> Option<ByteRange> {
    let range = headers.get(RANGE)?.to_str().ok()?.parse().ok()?;
    match headers.get(IF_RANGE) {
        Some(tag) if tag.as_bytes() != format!("\"{digest}\"").as_bytes() => None,
        _ => Some(range),
    }
}

/// The `Content-Range` of a chunk.
pub(crate) fn content_range(headers: &HeaderMap) -> Result<Option<ContentRange>, RegistryError> {
    const MALFORMED: RegistryError =
        RegistryError::UploadInvalid("the Content-Range of a chunk is 'first-last'");
    let Some(value) = headers.get(CONTENT_RANGE) else { return Ok(None) };
    let range = value.to_str().ok().and_then(|text| text.parse().ok());
    range.map(Some).ok_or(MALFORMED)
}

/// The `Content-Length`. Under hyper it is one number by now; another server may be laxer.
pub(crate) fn content_length(headers: &HeaderMap) -> Result<Option<u64>, RegistryError> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let Some(first) = lengths.next() else { return Ok(None) };
    if lengths.any(|other| other != first) {
        return Err(RegistryError::SizeInvalid);
    }
    let digits = first.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    digits.and_then(|text| text.parse().ok()).map(Some).ok_or(RegistryError::SizeInvalid)
}

/// The `Content-Type` of a manifest, without parameters.
pub(crate) fn content_type(headers: &HeaderMap) -> Result<Option<MediaType>, RegistryError> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let media_type = MediaType::from_content_type(text);
    let error = |_| ManifestError::Malformed("the Content-Type is not a media type".to_owned());
    Ok(Some(media_type.map_err(error)?))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    struct Zero;

    impl Random for Zero {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    #[test]
    fn a_well_formed_request_id_is_kept_and_another_replaced() {
        let ids = RequestIds::new(&Zero);
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_str(value).unwrap());
            ids.of(&headers)
        };
        assert_eq!(&*with("a-proxy/1.2:3_4"), "a-proxy/1.2:3_4");
        assert_eq!(&*with("with space"), "0000000000000000-0");
        assert_eq!(&*with(""), "0000000000000000-1");
        assert_eq!(&*with(&"a".repeat(129)), "0000000000000000-2");
        assert_eq!(&*ids.of(&HeaderMap::new()), "0000000000000000-3");
    }

    #[test]
    fn lengths_that_disagree_are_refused() {
        let lengths = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_LENGTH, HeaderValue::from_str(value).unwrap());
            }
            content_length(&headers).ok()
        };
        assert_eq!(lengths(&[]), Some(None));
        assert_eq!(lengths(&["5"]), Some(Some(5)));
        assert_eq!(lengths(&["5", "5"]), Some(Some(5)));
        for bad in [&["5", "6"][..], &["+5"], &["-1"], &["5, 5"], &["x"], &["1e400"]] {
            assert_eq!(lengths(bad), None, "{bad:?}");
        }
        assert_eq!(lengths(&["99999999999999999999999"]), None);
    }
}
