//! (method, path, query) → [`Endpoint`].

use super::{
    Endpoint, EndpointError, Namespace,
    query::{Query, decode},
};
use crate::{
    name::{NameError, RepositoryName},
    page::Page,
    ports::ContentId,
    reference::{Reference, ReferenceError},
    tag::Tag,
};

pub(super) fn parse(method: &str, path: &str, query: &str) -> Result<Endpoint, EndpointError> {
    let query = Query(query);
    let rest = path.strip_prefix("/v2").ok_or(EndpointError::NoRoute)?;
    if rest.is_empty() || rest == "/" {
        return only_get(method).map(|()| Endpoint::Ping);
    }
    let rest = rest.strip_prefix('/').ok_or(EndpointError::NoRoute)?;
    if rest == "_catalog" {
        only_get(method)?;
        return Ok(Endpoint::Catalog { page: page(&query)? });
    }
    let segments: Vec<&str> = rest.split('/').collect();
    match segments[..] {
        [ref name @ .., "manifests", reference] if !name.is_empty() => {
            manifest(method, name, reference, &query)
        }
        [ref name @ .., "tags", "list"] if !name.is_empty() => {
            only_get(method)?;
            Ok(Endpoint::ListTags { name: repository(name)?, page: page(&query)? })
        }
        [ref name @ .., "referrers", digest] if !name.is_empty() => {
            only_get(method)?;
            referrers(name, digest, &query)
        }
        // Without the last slash too: a redirect would lose the POST.
        [ref name @ .., "blobs", "uploads", ""] | [ref name @ .., "blobs", "uploads"]
            if !name.is_empty() =>
        {
            uploads(method, name, &query)
        }
        [ref name @ .., "blobs", "uploads", id] if !name.is_empty() => {
            upload(method, name, id, &query)
        }
        [ref name @ .., "blobs", digest] if !name.is_empty() => blob(method, name, digest, &query),
        _ => Err(EndpointError::NoRoute),
    }
}

fn only_get(method: &str) -> Result<(), EndpointError> {
    match method {
        "GET" | "HEAD" => Ok(()),
        _ => Err(EndpointError::Method { allow: "GET, HEAD" }),
    }
}

fn manifest(
    method: &str,
    name: &[&str],
    reference: &str,
    query: &Query<'_>,
) -> Result<Endpoint, EndpointError> {
    if !matches!(method, "GET" | "HEAD" | "PUT" | "DELETE") {
        return Err(EndpointError::Method { allow: "GET, HEAD, PUT, DELETE" });
    }
    let name = repository(name)?;
    let reference = decoded(reference).parse::<Reference>().map_err(|error| match error {
        ReferenceError::Digest(error) => EndpointError::Digest(error),
        ReferenceError::Tag(error) => EndpointError::Tag(error),
    })?;
    Ok(match method {
        "PUT" => Endpoint::PushManifest { tags: tags(&reference, query)?, name, reference },
        "DELETE" => Endpoint::DeleteManifest { name, reference },
        _ => Endpoint::GetManifest { name, reference, head: method == "HEAD", ns: ns(query) },
    })
}

fn tags(reference: &Reference, query: &Query<'_>) -> Result<Vec<Tag>, EndpointError> {
    let mut tags: Vec<Tag> = Vec::new();
    for tag in query.all("tag") {
        if matches!(reference, Reference::Tag(_)) {
            return Err(EndpointError::TagsOnTag);
        }
        let tag = tag.parse()?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        if tags.len() > Endpoint::MAX_TAGS {
            return Err(EndpointError::TooManyTags);
        }
    }
    Ok(tags)
}

fn referrers(name: &[&str], digest: &str, query: &Query<'_>) -> Result<Endpoint, EndpointError> {
    let artifact_type = query.get("artifactType").filter(|text| !text.is_empty());
    if artifact_type.as_ref().is_some_and(|text| text.len() > Endpoint::MAX_ARTIFACT_TYPE) {
        return Err(EndpointError::ArtifactType);
    }
    Ok(Endpoint::ListReferrers {
        name: repository(name)?,
        digest: decoded(digest).parse()?,
        artifact_type,
        page: page(query)?,
    })
}

fn uploads(method: &str, name: &[&str], query: &Query<'_>) -> Result<Endpoint, EndpointError> {
    if method != "POST" {
        return Err(EndpointError::Method { allow: "POST" });
    }
    let name = repository(name)?;
    if let Some(digest) = query.get("mount") {
        let from = query.get("from").map(|from| from.parse()).transpose()?;
        return Ok(Endpoint::MountBlob { name, digest: digest.parse()?, from });
    }
    if let Some(digest) = query.get("digest") {
        return Ok(Endpoint::PushBlob { name, digest: digest.parse()? });
    }
    let announced = query.get("digest-algorithm").map(|text| text.parse()).transpose()?;
    Ok(Endpoint::OpenUpload { name, announced })
}

fn upload(
    method: &str,
    name: &[&str],
    id: &str,
    query: &Query<'_>,
) -> Result<Endpoint, EndpointError> {
    if !matches!(method, "GET" | "HEAD" | "PATCH" | "PUT" | "DELETE") {
        return Err(EndpointError::Method { allow: "GET, HEAD, PATCH, PUT, DELETE" });
    }
    let name = repository(name)?;
    let id: ContentId = decoded(id).parse().map_err(|_| EndpointError::UploadId)?;
    Ok(match method {
        "PATCH" => Endpoint::AppendUpload { name, id },
        "PUT" => {
            let digest = query.get("digest").ok_or(EndpointError::NoDigest)?.parse()?;
            Endpoint::CloseUpload { name, id, digest }
        }
        "DELETE" => Endpoint::CancelUpload { name, id },
        _ => Endpoint::GetUpload { name, id },
    })
}

fn blob(
    method: &str,
    name: &[&str],
    digest: &str,
    query: &Query<'_>,
) -> Result<Endpoint, EndpointError> {
    if !matches!(method, "GET" | "HEAD" | "DELETE") {
        return Err(EndpointError::Method { allow: "GET, HEAD, DELETE" });
    }
    let name = repository(name)?;
    let digest = decoded(digest).parse()?;
    Ok(match method {
        "DELETE" => Endpoint::DeleteBlob { name, digest },
        _ => Endpoint::GetBlob { name, digest, head: method == "HEAD", ns: ns(query) },
    })
}

/// An encoded `/` would make two paths of one name, so it is refused.
fn repository(segments: &[&str]) -> Result<RepositoryName, EndpointError> {
    let decoded: Vec<String> = segments.iter().map(|segment| decoded(segment)).collect();
    if decoded.iter().any(|segment| segment.contains('/')) {
        return Err(NameError.into());
    }
    Ok(decoded.join("/").parse()?)
}

/// What cannot be decoded stays as it is, and no grammar has a `%`.
fn decoded(segment: &str) -> String {
    decode(segment).unwrap_or_else(|| segment.to_owned())
}

fn page(query: &Query<'_>) -> Result<Page, EndpointError> {
    let last = query.get("last").filter(|last| !last.is_empty());
    Ok(Page::new(query.get("n").as_deref(), last)?)
}

/// A value that is no host is ignored: the parameter is a hint.
fn ns(query: &Query<'_>) -> Option<Namespace> {
    query.get("ns").and_then(Namespace::new)
}
