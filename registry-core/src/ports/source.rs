//! The reading side of a registry.

use async_trait::async_trait;
use auto_impl::auto_impl;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::Content;
use crate::{
    descriptor::Descriptor, digest::Digest, error::RegistryError, identity::Caller,
    media_type::MediaType, name::RepositoryName, page::Page, range::ByteRange,
    reference::Reference, tag::Tag,
};

/// Whatever images can be pulled from: a registry, an upstream, an overlay of both.
///
/// Each method authorizes the caller itself, so that a caller in the same process cannot skip it.
///
/// # Errors
/// Any method: [`RegistryError::Denied`], [`RegistryError::Unsupported`], and what storage throws.
/// Absence is [`Fetched`], never an error.
#[async_trait]
#[auto_impl(Arc)]
pub trait Source: Send + Sync + 'static {
    /// A manifest by tag or digest (end-3).
    async fn manifest(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        reference: &Reference,
        options: &ManifestOptions,
    ) -> Result<Fetched<PulledManifest>, RegistryError>;

    /// A blob (end-2), where it is linked in this repository. A range that nothing satisfies is
    /// [`RegistryError::RangeNotSatisfiable`].
    async fn blob(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        digest: &Digest,
        options: &BlobOptions,
    ) -> Result<Fetched<Content>, RegistryError>;

    /// The tags of a repository in byte order (end-8a, end-8b).
    async fn tags(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        page: &Page,
    ) -> Result<Fetched<Listing<Tag>>, RegistryError>;

    /// The descriptors of the manifests that refer to `subject` (end-12a, end-12b). An unknown
    /// subject or repository has none, and no error (distribution-spec: MUST NOT be 404).
    async fn referrers(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        subject: &Digest,
        options: &ReferrerOptions,
    ) -> Result<Listing<Descriptor>, RegistryError>;

    /// The names of the repositories in byte order (`_catalog`), those the caller may pull only.
    async fn repositories(
        &self,
        caller: &Caller,
        page: &Page,
    ) -> Result<Listing<RepositoryName>, RegistryError>;
}

/// What a look-up in a repository found.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "each case is a different answer to the client")]
pub enum Fetched<T> {
    /// There is no such repository.
    RepositoryUnknown,
    /// The repository does not have it.
    Unknown,
    /// Here it is.
    Found(T),
}

impl<T> Fetched<T> {
    /// What was found, if anything.
    pub fn found(self) -> Option<T> {
        match self {
            Self::Found(found) => Some(found),
            Self::Unknown | Self::RepositoryUnknown => None,
        }
    }
}

/// A manifest as it was pushed.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "any source can make one")]
pub struct PulledManifest {
    /// Its digest, by the algorithm it was pushed with.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// Its exact bytes.
    pub bytes: Bytes,
}

/// How to read a manifest.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ManifestOptions {
    /// The bytes are not needed (HEAD). A source may still give them.
    pub head: bool,
}

/// How to read a blob.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct BlobOptions {
    /// Only size and existence are asked (HEAD): the client will rely on the blob being there, so
    /// a registry keeps it from collection for a while. The content need not be read.
    pub head: bool,
    /// Only these bytes.
    pub range: Option<ByteRange>,
}

/// How to list referrers.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReferrerOptions {
    /// Only those of this artifact type.
    pub artifact_type: Option<String>,
    /// Which page; a page's size is also bounded in bytes, so that it fits a manifest.
    pub page: Page,
}

/// One page of a listing, or all of it.
#[non_exhaustive]
pub struct Listing<T> {
    /// The entries; they may still be read while they are sent.
    pub entries: BoxStream<'static, Result<T, RegistryError>>,
    /// The `last` of the next page, when there is one.
    pub next: Option<String>,
}

impl<T> Listing<T> {
    /// A listing of these entries.
    #[must_use]
    pub fn new(
        entries: BoxStream<'static, Result<T, RegistryError>>,
        next: Option<String>,
    ) -> Self {
        Self { entries, next }
    }
}

impl<T> std::fmt::Debug for Listing<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listing").field("next", &self.next).finish_non_exhaustive()
    }
}
