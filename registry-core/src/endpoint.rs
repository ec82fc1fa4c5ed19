//! The routes of the API: (method, path, query) ⇄ [`Endpoint`].
//!
//! Pure in both directions. A repository's name may contain every word of the API as a component
//! (`/v2/foo/tags/list/tags/list`), so a path is read from its right end.

mod format;
mod parse;
mod query;

use crate::{
    digest::{Algorithm, Digest, DigestError},
    name::{NameError, RepositoryName},
    page::{Page, PageError},
    ports::ContentId,
    reference::Reference,
    tag::{Tag, TagError},
};

/// One request of the distribution API. The numbers are those of the spec's endpoint table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// end-1 `GET|HEAD /v2/`: is this a registry, and does it want credentials?
    Ping,
    /// end-2 `GET|HEAD /v2/<name>/blobs/<digest>`: pull a blob, or a range of it
    GetBlob {
        /// The repository.
        name: RepositoryName,
        /// The blob.
        digest: Digest,
        /// `HEAD`: without the bytes.
        head: bool,
        /// `?ns=`: the registry that the client believes to talk to (section "Registry Proxying").
        ns: Option<Namespace>,
    },
    /// end-3 `GET|HEAD /v2/<name>/manifests/<tag-or-digest>`: pull a manifest
    GetManifest {
        /// The repository.
        name: RepositoryName,
        /// The manifest.
        reference: Reference,
        /// `HEAD`: without the bytes.
        head: bool,
        /// As of [`Endpoint::GetBlob`].
        ns: Option<Namespace>,
    },
    /// end-4a `POST /v2/<name>/blobs/uploads/`: open an upload; end-4c with
    /// `?digest-algorithm=<algorithm>`
    OpenUpload {
        /// The repository.
        name: RepositoryName,
        /// The algorithm that the closing digest will have.
        announced: Option<Algorithm>,
    },
    /// end-4b `POST /v2/<name>/blobs/uploads/?digest=<digest>`: push a blob in one request
    PushBlob {
        /// The repository.
        name: RepositoryName,
        /// The digest of the body.
        digest: Digest,
    },
    /// end-5 `PATCH <blob-push-location>`: push a chunk of a blob
    AppendUpload {
        /// The repository.
        name: RepositoryName,
        /// The upload.
        id: ContentId,
    },
    /// end-6 `PUT <blob-push-location>?digest=<digest>`: close an upload, with its last chunk or none
    CloseUpload {
        /// The repository.
        name: RepositoryName,
        /// The upload.
        id: ContentId,
        /// The digest of the whole blob.
        digest: Digest,
    },
    /// end-7a `PUT /v2/<name>/manifests/<tag-or-digest>`: push a manifest; end-7b with
    /// `?tag=<tag>&tag=<tag>`, under several tags
    PushManifest {
        /// The repository.
        name: RepositoryName,
        /// Where to put it.
        reference: Reference,
        /// Further tags, with a digest only; at most [`Endpoint::MAX_TAGS`].
        tags: Vec<Tag>,
    },
    /// end-8a, end-8b `GET|HEAD /v2/<name>/tags/list[?n=<n>&last=<tag>]`: list the tags
    ListTags {
        /// The repository.
        name: RepositoryName,
        /// Which page.
        page: Page,
    },
    /// end-9 `DELETE /v2/<name>/manifests/<tag-or-digest>`: delete a tag, or a manifest with its tags
    DeleteManifest {
        /// The repository.
        name: RepositoryName,
        /// The tag, or the manifest with all its tags.
        reference: Reference,
    },
    /// end-10 `DELETE /v2/<name>/blobs/<digest>`: delete a blob from the repository
    DeleteBlob {
        /// The repository.
        name: RepositoryName,
        /// The blob.
        digest: Digest,
    },
    /// end-11 `POST /v2/<name>/blobs/uploads/?mount=<digest>[&from=<other-name>]`: mount a blob of
    /// another repository
    MountBlob {
        /// The repository to mount in.
        name: RepositoryName,
        /// The blob.
        digest: Digest,
        /// Where it is; `None`: wherever the caller may pull it.
        from: Option<RepositoryName>,
    },
    /// end-12a, end-12b `GET|HEAD /v2/<name>/referrers/<digest>[?artifactType=<type>]`: list what refers
    /// to a manifest
    ListReferrers {
        /// The repository.
        name: RepositoryName,
        /// The subject.
        digest: Digest,
        /// Only those of this type; never empty.
        artifact_type: Option<String>,
        /// Which page.
        page: Page,
    },
    /// end-13 `GET|HEAD <blob-push-location>`: ask how far an upload is
    GetUpload {
        /// The repository.
        name: RepositoryName,
        /// The upload.
        id: ContentId,
    },
    /// end-14 `DELETE <blob-push-location>`: cancel an upload
    CancelUpload {
        /// The repository.
        name: RepositoryName,
        /// The upload.
        id: ContentId,
    },
    /// `GET|HEAD /v2/_catalog[?n=<n>&last=<name>]`: list the repositories, which the spec reserves and
    /// clients use
    Catalog {
        /// Which page.
        page: Page,
    },
}

/// Why a request is none of the API's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// No route has this path.
    #[error("there is no such route")]
    NoRoute,
    /// The frontend found that the request breaks the rules of its protocol.
    #[error("the request is malformed: {0}")]
    Malformed(&'static str),
    /// The path has a route, but not for this method.
    #[error("this method is not supported here; supported: {allow}")]
    Method {
        /// The methods that are supported, as the `Allow` header lists them.
        allow: &'static str,
    },
    /// The repository's name is malformed.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A digest or algorithm is malformed or not supported.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A close without `?digest=`.
    #[error("the closing PUT of an upload needs ?digest=<digest>")]
    NoDigest,
    /// A tag is malformed.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// More than [`Endpoint::MAX_TAGS`] tags.
    #[error("at most {} tags can be set at once", Endpoint::MAX_TAGS)]
    TooManyTags,
    /// `?tag=` where the manifest is put under a tag.
    #[error("?tag= goes with a manifest put by digest")]
    TagsOnTag,
    /// The upload's id is none that this registry gave out.
    #[error("there is no such upload")]
    UploadId,
    /// `n` is malformed.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The artifact type is overlong.
    #[error("an artifactType has at most {} bytes", Endpoint::MAX_ARTIFACT_TYPE)]
    ArtifactType,
}

/// The value of `?ns=`: a host with an optional port, as it can stand in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// The host as text: 1 to 255 of `[A-Za-z0-9._:-]` and brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn new(text: String) -> Option<Self> {
        let fits = (1..=255).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-[]".contains(&b));
        fits.then_some(Self(text))
    }
}

impl Endpoint {
    /// The most tags of one push; the spec asks for ten at least (end-7b).
    pub const MAX_TAGS: usize = 100;

    /// The longest artifact type to filter by, in bytes: the longest media type.
    pub const MAX_ARTIFACT_TYPE: usize = 255;

    /// Reads a request line. The path is still percent-encoded, the query without its `?`.
    ///
    /// `HEAD` is read as `GET` where the spec names only `GET` (RFC 9110 section 9.3.2). Query
    /// keys that a route does not know are ignored.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn parse(method: &str, path: &str, query: Option<&str>) -> Result<Self, EndpointError> {
        parse::parse(method, path, query.unwrap_or_default())
    }

    /// The method and the path with query; their inverse is [`Endpoint::parse`].
    #[must_use]
    pub fn format(&self) -> (&'static str, String) {
        format::format(self)
    }
}

#[cfg(test)]
mod tests;
