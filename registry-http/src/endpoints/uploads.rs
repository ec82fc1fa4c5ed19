//! Uploads: end-4a to end-6 (push), end-11 (mount), end-13 (status), end-14 (cancel).

use futures::{StreamExt, stream};
use hyper::{
    HeaderMap, Response, StatusCode,
    header::{HeaderValue, RANGE},
};
use registry_core::{
    digest::{Algorithm, Digest},
    endpoint::Endpoint,
    error::RegistryError,
    name::RepositoryName,
    ports::ContentId,
    registry::{Chunk, Mount, Registry, UploadStatus},
};

use super::{Exchange, Reply};
use crate::{
    base_path::BasePath,
    body::ResponseBody,
    incoming::{self, Incoming},
    reply::{self, DOCKER_CONTENT_DIGEST, DOCKER_UPLOAD_UUID, OCI_CHUNK_MIN_LENGTH},
    request,
};

/// end-4a `POST /v2/<name>/blobs/uploads/`, end-4c with `?digest-algorithm=`
pub(super) async fn open(
    exchange: Exchange<'_>,
    registry: &Registry,
    name: &RepositoryName,
    announced: Option<Algorithm>,
) -> Reply {
    let status = registry.open_upload(exchange.caller, name, announced).await?;
    Ok(going_on(StatusCode::ACCEPTED, exchange, name, &status))
}

/// end-4b `POST /v2/<name>/blobs/uploads/?digest=<digest>`
pub(super) async fn push(
    exchange: Exchange<'_>,
    registry: &Registry,
    name: &RepositoryName,
    digest: &Digest,
    body: Option<Box<Incoming>>,
) -> Reply {
    let chunk = chunk(exchange, body)?;
    registry.push_blob(exchange.caller, name, digest, chunk).await?;
    Ok(created(exchange, name, digest))
}

/// end-5 `PATCH <blob-push-location>`
pub(super) async fn append(
    exchange: Exchange<'_>,
    registry: &Registry,
    name: &RepositoryName,
    id: &ContentId,
    body: Option<Box<Incoming>>,
) -> Reply {
    let chunk = chunk(exchange, body)?;
    let status = registry.append_upload(exchange.caller, name, id, chunk).await?;
    Ok(going_on(StatusCode::ACCEPTED, exchange, name, &status))
}

/// end-6 `PUT <blob-push-location>?digest=<digest>`
pub(super) async fn close(
    exchange: Exchange<'_>,
    registry: &Registry,
    name: &RepositoryName,
    id: &ContentId,
    digest: &Digest,
    body: Option<Box<Incoming>>,
) -> Reply {
    let chunk = chunk(exchange, body)?;
    registry.close_upload(exchange.caller, name, id, digest, chunk).await?;
    Ok(created(exchange, name, digest))
}

/// end-13 `GET <blob-push-location>`
pub(super) async fn status(
    exchange: Exchange<'_>,
    registry: &Registry,
    name: &RepositoryName,
    id: &ContentId,
) -> Reply {
    let status = registry.upload_status(exchange.caller, name, id).await?;
    Ok(going_on(StatusCode::NO_CONTENT, exchange, name, &status))
}

/// end-14 `DELETE <blob-push-location>`
pub(super) async fn cancel(
    exchange: Exchange<'_>,
    registry: &Registry,
    name: &RepositoryName,
    id: &ContentId,
) -> Reply {
    registry.cancel_upload(exchange.caller, name, id).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// end-11 `POST /v2/<name>/blobs/uploads/?mount=<digest>[&from=<name>]`
pub(super) async fn mount(
    exchange: Exchange<'_>,
    registry: &Registry,
    name: &RepositoryName,
    digest: &Digest,
    from: Option<&RepositoryName>,
) -> Reply {
    Ok(match registry.mount_blob(exchange.caller, name, digest, from).await? {
        Mount::Mounted => created(exchange, name, digest),
        Mount::Upload(status) => going_on(StatusCode::ACCEPTED, exchange, name, &status),
    })
}

/// What the request adds to an upload. Nothing of the body is read here.
fn chunk(exchange: Exchange<'_>, body: Option<Box<Incoming>>) -> Result<Chunk, RegistryError> {
    let range = request::content_range(exchange.headers)?;
    let length = incoming::body_length(exchange.headers, body.as_deref())?;
    let body = match body {
        Some(body) => body.with_share(exchange.budget.stream(length)).boxed(),
        None => stream::empty().boxed(),
    };
    let mut chunk = Chunk::new(body);
    chunk.range = range;
    chunk.length = length;
    Ok(chunk)
}

/// The reply of an upload that goes on.
fn going_on(
    code: StatusCode,
    exchange: Exchange<'_>,
    name: &RepositoryName,
    status: &UploadStatus,
) -> Response<ResponseBody> {
    let mut response = reply::empty(code);
    let headers = response.headers_mut();
    add_position(headers, exchange.base_path, name, status.id, status.offset);
    if status.min_chunk > 0 {
        headers.insert(OCI_CHUNK_MIN_LENGTH, HeaderValue::from(status.min_chunk));
    }
    response
}

/// Where an upload goes on. The last byte of nothing is byte 0 too, since clients cannot read
/// `0--1` (D7).
pub(crate) fn add_position(
    headers: &mut HeaderMap,
    base_path: &BasePath,
    name: &RepositoryName,
    id: ContentId,
    offset: u64,
) {
    let location = Endpoint::GetUpload { name: name.clone(), id };
    reply::add_location(headers, base_path, &location);
    headers.insert(RANGE, reply::text(format_args!("0-{}", offset.saturating_sub(1))));
    headers.insert(DOCKER_UPLOAD_UUID, reply::text(format_args!("{id}")));
}

/// The reply of an upload that has become a blob.
fn created(
    exchange: Exchange<'_>,
    name: &RepositoryName,
    digest: &Digest,
) -> Response<ResponseBody> {
    let mut response = reply::empty(StatusCode::CREATED);
    let headers = response.headers_mut();
    let location = Endpoint::GetBlob { name: name.clone(), digest: *digest, head: false, ns: None };
    reply::add_location(headers, exchange.base_path, &location);
    headers.insert(DOCKER_CONTENT_DIGEST, reply::text(format_args!("{digest}")));
    response
}
