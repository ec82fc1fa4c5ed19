//! Replies and their headers, built from typed values only, so that nothing a client sent can end
//! a header line.

use std::fmt::{self, Write as _};

use bytes::Bytes;
use hyper::{
    HeaderMap, Response, StatusCode,
    header::{
        CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, LINK, LOCATION,
    },
};
use registry_core::{
    digest::Digest,
    endpoint::{Endpoint, Namespace},
};

use crate::{base_path::BasePath, body::ResponseBody, request::X_REQUEST_ID};

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
pub(crate) const DOCKER_CONTENT_DIGEST: HeaderName =
    HeaderName::from_static("docker-content-digest");
pub(crate) const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
pub(crate) const OCI_CHUNK_MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");
pub(crate) const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
pub(crate) const OCI_NAMESPACE: HeaderName = HeaderName::from_static("oci-namespace");
pub(crate) const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
pub(crate) const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");

pub(crate) const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");
const REGISTRY_2_0: HeaderValue = HeaderValue::from_static("registry/2.0");
pub(crate) const OCTET_STREAM: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Room for the headers of a manifest, the reply that has to be fast: its map never grows.
const HEADERS: usize = 6;

/// The longest entity tag: of a sha512 digest.
const ETAG_LENGTH: usize = "\"sha512:\"".len() + 128;

/// A reply without a body: `Content-Length: 0`, or none where the status has no content at all.
pub(crate) fn empty(status: StatusCode) -> Response<ResponseBody> {
    let mut response = bare(status, ResponseBody::empty());
    if !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    response
}

/// A reply with these bytes.
pub(crate) fn full(
    status: StatusCode,
    content_type: HeaderValue,
    bytes: impl Into<Bytes>,
) -> Response<ResponseBody> {
    with_body(status, content_type, ResponseBody::full(bytes.into()))
}

/// A reply with this body, and its length where that is known.
pub(crate) fn with_body(
    status: StatusCode,
    content_type: HeaderValue,
    body: ResponseBody,
) -> Response<ResponseBody> {
    let length = body.length();
    let mut response = bare(status, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

fn bare(status: StatusCode, body: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = HeaderMap::with_capacity(HEADERS);
    response
}

/// What every reply has, whatever it says.
pub(crate) fn add_to_every(headers: &mut HeaderMap, request_id: &str) {
    headers.insert(API_VERSION, REGISTRY_2_0);
    headers.insert(X_REQUEST_ID, ascii(Bytes::copy_from_slice(request_id.as_bytes())));
}

/// `Docker-Content-Digest` with the digest that the client knows the content by, and the same as
/// `ETag`. Both share one allocation.
pub(crate) fn add_digest(headers: &mut HeaderMap, digest: &Digest) {
    let mut quoted = String::with_capacity(ETAG_LENGTH);
    // Writing to a String cannot fail.
    let _ = write!(quoted, "\"{digest}\"");
    let quoted = Bytes::from(quoted);
    let bare = quoted.slice(1..quoted.len() - 1);
    headers.insert(DOCKER_CONTENT_DIGEST, ascii(bare));
    headers.insert(ETAG, ascii(quoted));
}

/// Whether the client already has the content of this digest (`If-None-Match`, RFC 9110 section
/// 13.1.2: a list of tags compared weakly, or `*`).
pub(crate) fn is_known(request: &HeaderMap, digest: &Digest) -> bool {
    request.contains_key(IF_NONE_MATCH) && {
        let etag = format!("\"{digest}\"");
        let is_match = |tag: &str| {
            let tag = tag.trim();
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
        };
        let lines = request.get_all(IF_NONE_MATCH).into_iter();
        // A digest has no comma in it, so a comma always ends a tag that could match.
        lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).any(is_match)
    }
}

/// `Location` of an endpoint.
pub(crate) fn add_location(headers: &mut HeaderMap, base_path: &BasePath, endpoint: &Endpoint) {
    headers.insert(LOCATION, ascii(base_path.locate(endpoint)));
}

/// `Link` to the next page (RFC 8288).
pub(crate) fn add_next(headers: &mut HeaderMap, base_path: &BasePath, next: &Endpoint) {
    headers.insert(LINK, text(format_args!("<{}>; rel=\"next\"", base_path.locate(next))));
}

/// `OCI-Namespace`, where the client named a namespace (distribution-spec, "Registry Proxying").
pub(crate) fn add_namespace(headers: &mut HeaderMap, namespace: Option<&Namespace>) {
    if let Some(namespace) = namespace {
        headers.insert(OCI_NAMESPACE, ascii(namespace.as_str().to_owned()));
    }
}

/// A header's value out of formatted typed values.
pub(crate) fn text(value: fmt::Arguments<'_>) -> HeaderValue {
    ascii(value.to_string())
}

/// A header's value. Every caller passes digests, names, tags, encoded queries and numbers, whose
/// grammars are printable ASCII; should one of them not be, the header is empty and not split.
pub(crate) fn ascii(value: impl Into<Bytes>) -> HeaderValue {
    HeaderValue::from_maybe_shared(value.into()).unwrap_or(HeaderValue::from_static(""))
}
