//! Manifests: end-3 (read), end-7a and end-7b (push), end-9 (delete).

use futures::{StreamExt, stream};
use hyper::{HeaderMap, StatusCode, header::HeaderValue};
use registry_core::{
    digest::Digest,
    endpoint::{Endpoint, Namespace},
    error::RegistryError,
    media_type::MediaType,
    name::RepositoryName,
    ports::{Fetched, ManifestOptions},
    reference::Reference,
    registry::{ManifestUpload, PushedManifest, Registry},
    tag::Tag,
};

use super::{Exchange, Reply};
use crate::{
    incoming::{self, Incoming},
    reply::{self, DOCKER_CONTENT_DIGEST, OCI_SUBJECT, OCI_TAG},
    request,
};

/// end-3 `GET|HEAD /v2/<name>/manifests/<tag-or-digest>`
pub(super) async fn get(
    exchange: Exchange<'_>,
    name: &RepositoryName,
    reference: &Reference,
    head: bool,
    ns: Option<&Namespace>,
) -> Reply {
    let mut options = ManifestOptions::default();
    options.head = head;
    let found = exchange.source.manifest(exchange.caller, name, reference, &options).await?;
    let manifest = match found {
        Fetched::Found(manifest) => manifest,
        Fetched::Unknown => return Err(RegistryError::ManifestUnknown),
        Fetched::RepositoryUnknown => return Err(RegistryError::NameUnknown),
    };

    let mut response = if reply::is_known(exchange.headers, &manifest.digest) {
        reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        reply::full(StatusCode::OK, content_type(&manifest.media_type), manifest.bytes)
    };
    let headers = response.headers_mut();
    reply::add_digest(headers, &manifest.digest);
    reply::add_namespace(headers, ns);
    Ok(response)
}

/// The media type as it was pushed; those that nearly all manifests have are made beforehand.
fn content_type(media_type: &MediaType) -> HeaderValue {
    const USUAL: [(&str, HeaderValue); 4] = [
        (MediaType::OCI_MANIFEST, HeaderValue::from_static(MediaType::OCI_MANIFEST)),
        (MediaType::OCI_INDEX, HeaderValue::from_static(MediaType::OCI_INDEX)),
        (MediaType::DOCKER_MANIFEST, HeaderValue::from_static(MediaType::DOCKER_MANIFEST)),
        (MediaType::DOCKER_LIST, HeaderValue::from_static(MediaType::DOCKER_LIST)),
    ];
    let text = media_type.as_str();
    let usual = USUAL.into_iter().find(|(usual, _)| *usual == text);
    usual.map_or_else(|| reply::ascii(text.to_owned()), |(_, value)| value)
}

/// end-7a `PUT /v2/<name>/manifests/<tag-or-digest>`, end-7b with `?tag=`
pub(super) async fn push(
    exchange: Exchange<'_>,
    registry: &Registry,
    name: &RepositoryName,
    reference: &Reference,
    tags: &[Tag],
    body: Option<Box<Incoming>>,
) -> Reply {
    let content_type = request::content_type(exchange.headers)?;
    let length = incoming::body_length(exchange.headers, body.as_deref())?;
    let body = match body {
        Some(body) => body.with_share(exchange.budget.manifest(length)).boxed(),
        None => stream::empty().boxed(),
    };
    let mut upload = ManifestUpload::new(body);
    upload.content_type = content_type;
    upload.length = length;
    let pushed = registry.push_manifest(exchange.caller, name, reference, tags, upload).await?;

    let mut response = reply::empty(StatusCode::CREATED);
    add_pushed(response.headers_mut(), exchange, name, &pushed);
    Ok(response)
}

/// `Location` names the digest, also after a push by tag (D27): the tag may move on.
fn add_pushed(
    headers: &mut HeaderMap,
    exchange: Exchange<'_>,
    name: &RepositoryName,
    pushed: &PushedManifest,
) {
    let reference = Reference::Digest(pushed.digest);
    let location = Endpoint::GetManifest { name: name.clone(), reference, head: false, ns: None };
    reply::add_location(headers, exchange.base_path, &location);
    headers.insert(DOCKER_CONTENT_DIGEST, digest(&pushed.digest));
    if let Some(subject) = &pushed.subject {
        headers.insert(OCI_SUBJECT, digest(subject));
    }
    for tag in &pushed.tags {
        headers.append(OCI_TAG, reply::ascii(tag.as_str().to_owned()));
    }
}

fn digest(digest: &Digest) -> HeaderValue {
    reply::text(format_args!("{digest}"))
}

/// end-9 `DELETE /v2/<name>/manifests/<tag-or-digest>`
pub(super) async fn delete(
    exchange: Exchange<'_>,
    registry: &Registry,
    name: &RepositoryName,
    reference: &Reference,
) -> Reply {
    registry.delete_manifest(exchange.caller, name, reference).await?;
    Ok(reply::empty(StatusCode::ACCEPTED))
}
