//! Blobs: end-2 (read) and end-10 (delete).

use hyper::{
    StatusCode,
    header::{ACCEPT_RANGES, CONTENT_RANGE, HeaderValue},
};
use registry_core::{
    digest::Digest,
    endpoint::Namespace,
    error::RegistryError,
    name::RepositoryName,
    ports::{BlobOptions, Content, Fetched},
    registry::Registry,
};

use super::{Exchange, Reply};
use crate::{
    body::ResponseBody,
    reply::{self, OCTET_STREAM},
    request,
};

/// end-2 `GET|HEAD /v2/<name>/blobs/<digest>`
pub(super) async fn get(
    exchange: Exchange<'_>,
    name: &RepositoryName,
    digest: &Digest,
    head: bool,
    ns: Option<&Namespace>,
) -> Reply {
    let is_known = reply::is_known(exchange.headers, digest);
    let mut options = BlobOptions::default();
    // The digest is the tag, so a client that has it needs no byte, whatever the blob says.
    options.head = head || is_known;
    options.range = if options.head { None } else { request::byte_range(exchange.headers, digest) };
    let found = exchange.source.blob(exchange.caller, name, digest, &options).await?;
    let content = match found {
        Fetched::Found(content) => content,
        Fetched::Unknown => return Err(RegistryError::BlobUnknown),
        Fetched::RepositoryUnknown => return Err(RegistryError::NameUnknown),
    };

    let mut response = if is_known {
        reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        let is_part = options.range.is_some();
        let range = is_part.then(|| content_range(&content));
        let status = if is_part { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
        let body = ResponseBody::content(content, exchange.windows);
        let mut response = reply::with_body(status, OCTET_STREAM, body);
        if let Some(range) = range {
            response.headers_mut().insert(CONTENT_RANGE, range);
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    reply::add_digest(headers, digest);
    reply::add_namespace(headers, ns);
    Ok(response)
}

/// A resolved range has a byte at least (RFC 9110 section 14.4).
fn content_range(content: &Content) -> HeaderValue {
    let range = content.range();
    reply::text(format_args!("bytes {}-{}/{}", range.start, range.end - 1, content.size()))
}

/// end-10 `DELETE /v2/<name>/blobs/<digest>`
pub(super) async fn delete(
    exchange: Exchange<'_>,
    registry: &Registry,
    name: &RepositoryName,
    digest: &Digest,
) -> Reply {
    registry.delete_blob(exchange.caller, name, digest).await?;
    Ok(reply::empty(StatusCode::ACCEPTED))
}
