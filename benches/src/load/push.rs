//! The requests of a push, in the order the specification gives them.

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue},
};

use super::{
    client::{Connection, MANIFEST, location},
    content::{Content, Payload},
    error::LoadError,
};

const OCTETS: (HeaderName, HeaderValue) =
    (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));

/// `POST`, then one `PUT` with all bytes (end-4a, end-6).
pub(crate) async fn monolithic(
    connection: &mut Connection,
    repository: &str,
    content: &Content,
) -> Result<(), LoadError> {
    let location = start(connection, repository).await?;
    close(connection, &location, content, content.whole()).await
}

/// `POST`, a `PATCH` for each chunk, then a `PUT` without body (end-4a, end-5, end-6).
pub(crate) async fn chunked(
    connection: &mut Connection,
    repository: &str,
    content: &Content,
    chunk: u64,
) -> Result<(), LoadError> {
    let mut location = start(connection, repository).await?;
    let mut offset = 0;
    while offset < content.size() {
        let end = content.size().min(offset + chunk);
        location = patch(connection, &location, content, offset, end).await?;
        offset = end;
    }
    close(connection, &location, content, Payload::EMPTY).await
}

/// One `POST` with digest and all bytes (end-4b). A registry need not support it and then answers
/// 202, which is reported as the unexpected status it is.
pub(crate) async fn single_post(
    connection: &mut Connection,
    repository: &str,
    content: &Content,
) -> Result<(), LoadError> {
    let rest = format!("blobs/uploads/?digest={}", content.digest());
    let path = connection.target().path(repository, &rest);
    connection.call(Method::POST, &path, &[OCTETS], content.whole(), StatusCode::CREATED).await?;
    Ok(())
}

/// Begins an upload; returns its location.
pub(crate) async fn start(
    connection: &mut Connection,
    repository: &str,
) -> Result<String, LoadError> {
    let path = connection.target().path(repository, "blobs/uploads/");
    let headers =
        connection.call(Method::POST, &path, &[], Payload::EMPTY, StatusCode::ACCEPTED).await?;
    location(&headers)
}

/// Appends the bytes from `offset` to `end`, which is larger; returns the location for what follows.
pub(crate) async fn patch(
    connection: &mut Connection,
    location: &str,
    content: &Content,
    offset: u64,
    end: u64,
) -> Result<String, LoadError> {
    let range = HeaderValue::try_from(format!("{offset}-{}", end - 1));
    let headers = [OCTETS, (CONTENT_RANGE, range.map_err(hyper::http::Error::from)?)];
    let payload = content.part(offset..end);
    let answer =
        connection.call(Method::PATCH, location, &headers, payload, StatusCode::ACCEPTED).await?;
    self::location(&answer)
}

/// Ends an upload with what is left of its bytes.
pub(crate) async fn close(
    connection: &mut Connection,
    location: &str,
    content: &Content,
    payload: Payload,
) -> Result<(), LoadError> {
    let separator = if location.contains('?') { '&' } else { '?' };
    let path = format!("{location}{separator}digest={}", content.digest());
    connection.call(Method::PUT, &path, &[OCTETS], payload, StatusCode::CREATED).await?;
    Ok(())
}

/// Puts a manifest under a tag (end-7).
pub(crate) async fn tag(
    connection: &mut Connection,
    repository: &str,
    tag: &str,
    manifest: Bytes,
) -> Result<HeaderMap, LoadError> {
    let path = connection.target().path(repository, &format!("manifests/{tag}"));
    let headers = [(CONTENT_TYPE, MANIFEST)];
    connection
        .call(Method::PUT, &path, &headers, Payload::Bytes(manifest), StatusCode::CREATED)
        .await
}

/// An image manifest whose configuration and only layer are `content`, padded with an annotation to
/// at least `size` bytes.
pub(crate) fn manifest(content: &Content, size: usize) -> Bytes {
    let descriptor = |media_type| {
        serde_json::json!({
            "mediaType": media_type,
            "digest": content.digest(),
            "size": content.size(),
        })
    };
    let mut manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip")],
        "annotations": { "load.padding": "" },
    });
    let padding = size.saturating_sub(manifest.to_string().len());
    manifest["annotations"]["load.padding"] = "p".repeat(padding).into();
    manifest.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::content::ContentSource;

    #[test]
    fn a_manifest_has_exactly_the_size_asked_for_if_it_fits() {
        let content = ContentSource::new(4096).fixed();
        assert_eq!(manifest(&content, 1024).len(), 1024);
        let least = manifest(&content, 0);
        assert!(least.len() < 1024);
        let value: serde_json::Value = serde_json::from_slice(&least).expect("JSON");
        assert_eq!(value["config"]["digest"], content.digest());
    }
}
