//! A client that keeps a ledger of what it was told.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use registry_core::{
    digest::{Algorithm, Digest},
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::{BlobOptions, ContentId, ManifestOptions, ReferrerOptions, Source},
    reference::Reference,
    registry::{Body, Chunk, ManifestUpload, Mount, Registry},
    tag::Tag,
    testing::Sample,
};

/// Something that a registry acknowledged, which must hold from then on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fact {
    /// The blob can be read, byte for byte.
    Blob(RepositoryName, Digest),
    /// The upload holds these bytes, up to that offset.
    Kept(RepositoryName, ContentId, Bytes, u64),
    /// The manifest can be read, byte for byte.
    Manifest(RepositoryName, Digest),
    /// The tag stands for the manifest.
    Tag(RepositoryName, Tag, Digest),
    /// The subject's list has the manifest.
    Referrer(RepositoryName, Digest, Digest),
    /// The repository does not have the blob.
    NoBlob(RepositoryName, Digest),
    /// There is no such manifest.
    NoManifest(RepositoryName, Digest),
    /// The tag stands for nothing.
    NoTag(RepositoryName, Tag),
}

/// A client of one repository.
pub(crate) struct Client<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) name: RepositoryName,
    pub(crate) caller: Caller,
}

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().expect("it is a name")
}

pub(crate) fn tag(text: &str) -> Tag {
    text.parse().expect("it is a tag")
}

pub(crate) fn digest(bytes: &Bytes) -> Digest {
    Algorithm::Sha256.digest(bytes)
}

/// A body that comes in these pieces.
pub(crate) fn body(pieces: impl IntoIterator<Item = Bytes>) -> Body {
    let pieces: Vec<_> = pieces.into_iter().map(Ok).collect();
    stream::iter(pieces).boxed()
}

impl<'a> Client<'a> {
    pub(crate) fn new(registry: &'a Registry, repository: &str) -> Self {
        Self { registry, name: name(repository), caller: Caller::anonymous() }
    }

    /// In one request.
    pub(crate) async fn push_blob(&self, bytes: &Bytes) -> Result<Fact, RegistryError> {
        let digest = digest(bytes);
        let chunk = Chunk::new(body([bytes.clone()]));
        self.registry.push_blob(&self.caller, &self.name, &digest, chunk).await?;
        Ok(Fact::Blob(self.name.clone(), digest))
    }

    /// In two chunks and a close with the rest.
    pub(crate) async fn push_in_chunks(
        &self,
        bytes: &Bytes,
        digest: Digest,
    ) -> Result<Fact, RegistryError> {
        let third = bytes.len() / 3;
        let id = self.open().await?;
        self.append(&id, bytes.slice(..third)).await?;
        self.append(&id, bytes.slice(third..2 * third)).await?;
        self.close(&id, bytes.slice(2 * third..), digest).await
    }

    pub(crate) async fn open(&self) -> Result<ContentId, RegistryError> {
        Ok(self.registry.open_upload(&self.caller, &self.name, None).await?.id)
    }

    pub(crate) async fn append(&self, id: &ContentId, bytes: Bytes) -> Result<u64, RegistryError> {
        let chunk = Chunk::new(body([bytes]));
        Ok(self.registry.append_upload(&self.caller, &self.name, id, chunk).await?.offset)
    }

    pub(crate) async fn close(
        &self,
        id: &ContentId,
        rest: Bytes,
        digest: Digest,
    ) -> Result<Fact, RegistryError> {
        let chunk = if rest.is_empty() { Chunk::empty() } else { Chunk::new(body([rest])) };
        self.registry.close_upload(&self.caller, &self.name, id, &digest, chunk).await?;
        Ok(Fact::Blob(self.name.clone(), digest))
    }

    /// Whether it was mounted; an upload that was opened instead is cancelled.
    pub(crate) async fn mount(
        &self,
        digest: &Digest,
        from: Option<&str>,
    ) -> Result<Option<Fact>, RegistryError> {
        let from = from.map(name);
        match self.registry.mount_blob(&self.caller, &self.name, digest, from.as_ref()).await? {
            Mount::Mounted => Ok(Some(Fact::Blob(self.name.clone(), *digest))),
            Mount::Upload(upload) => {
                self.registry.cancel_upload(&self.caller, &self.name, &upload.id).await?;
                Ok(None)
            }
        }
    }

    /// A manifest whose blobs are there, by digest and with tags.
    pub(crate) async fn push_manifest(
        &self,
        sample: &Sample,
        tags: &[&str],
    ) -> Result<Vec<Fact>, RegistryError> {
        let (digest, tags) = (sample.digest(), tags.iter().map(|t| tag(t)).collect::<Vec<_>>());
        let upload = ManifestUpload::new(body([sample.manifest.clone()]));
        let reference = Reference::Digest(digest);
        let pushed = self
            .registry
            .push_manifest(&self.caller, &self.name, &reference, &tags, upload)
            .await?;
        let tagged = tags.into_iter().map(|tag| Fact::Tag(self.name.clone(), tag, digest));
        let listed = pushed.subject.map(|s| Fact::Referrer(self.name.clone(), s, digest));
        let there = Fact::Manifest(self.name.clone(), digest);
        Ok(tagged.chain(listed).chain([there]).collect())
    }

    /// Everything: blobs, children, then the manifest. What is acknowledged on the way counts
    /// though a later step fails.
    pub(crate) async fn push(
        &self,
        sample: &Sample,
        tags: &[&str],
        ledger: &mut Vec<Fact>,
    ) -> Result<(), RegistryError> {
        for blob in &sample.blobs {
            ledger.push(self.push_blob(blob).await?);
        }
        for child in &sample.children {
            Box::pin(self.push(child, &[], ledger)).await?;
        }
        ledger.extend(self.push_manifest(sample, tags).await?);
        Ok(())
    }

    /// Deletes the manifest with its tags. That it is not there any more is as good.
    pub(crate) async fn delete_manifest(&self, digest: Digest) -> Result<Fact, RegistryError> {
        let reference = Reference::Digest(digest);
        match self.registry.delete_manifest(&self.caller, &self.name, &reference).await {
            Ok(()) | Err(RegistryError::ManifestUnknown) => {
                Ok(Fact::NoManifest(self.name.clone(), digest))
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes a tag. That it is not there any more is as good.
    pub(crate) async fn delete_tag(&self, text: &str) -> Result<Fact, RegistryError> {
        let reference = Reference::Tag(tag(text));
        match self.registry.delete_manifest(&self.caller, &self.name, &reference).await {
            Ok(()) | Err(RegistryError::ManifestUnknown) => {
                Ok(Fact::NoTag(self.name.clone(), tag(text)))
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a blob out of the repository. That it is not there any more is as good.
    pub(crate) async fn delete_blob(&self, digest: Digest) -> Result<Fact, RegistryError> {
        match self.registry.delete_blob(&self.caller, &self.name, &digest).await {
            Ok(()) | Err(RegistryError::BlobUnknown) => Ok(Fact::NoBlob(self.name.clone(), digest)),
            Err(error) => Err(error),
        }
    }
}

impl Fact {
    /// Whether it holds, as any client can find out.
    pub(crate) async fn holds(&self, registry: &Registry) -> Result<bool, RegistryError> {
        Ok(match self {
            Self::Blob(name, digest) => {
                let bytes = blob(registry, name, digest).await?;
                bytes.is_some_and(|bytes| digest.algorithm().digest(&bytes) == *digest)
            }
            Self::Kept(name, id, _, end) => {
                let status = registry.upload_status(&Caller::anonymous(), name, id).await;
                status.is_ok_and(|status| status.offset >= *end)
            }
            Self::NoBlob(name, digest) => blob(registry, name, digest).await?.is_none(),
            Self::Manifest(name, digest) => {
                let found = manifest(registry, name, Reference::Digest(*digest)).await?;
                found.is_some_and(|(_, bytes)| digest.algorithm().digest(&bytes) == *digest)
            }
            Self::NoManifest(name, digest) => {
                manifest(registry, name, Reference::Digest(*digest)).await?.is_none()
            }
            Self::Tag(name, tag, digest) => {
                let found = manifest(registry, name, Reference::Tag(tag.clone())).await?;
                found.is_some_and(|(found, _)| found == *digest)
            }
            Self::NoTag(name, tag) => {
                manifest(registry, name, Reference::Tag(tag.clone())).await?.is_none()
            }
            Self::Referrer(name, subject, digest) => {
                referrers(registry, name, subject).await?.contains(digest)
            }
        })
    }
}

/// A blob's bytes.
pub(crate) async fn blob(
    registry: &Registry,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Option<Bytes>, RegistryError> {
    let (caller, options) = (Caller::anonymous(), BlobOptions::default());
    let Some(content) = registry.blob(&caller, name, digest, &options).await?.found() else {
        return Ok(None);
    };
    Ok(Some(content.into_stream().try_collect::<Vec<_>>().await?.concat().into()))
}

/// A manifest's digest and bytes.
pub(crate) async fn manifest(
    registry: &Registry,
    name: &RepositoryName,
    reference: Reference,
) -> Result<Option<(Digest, Bytes)>, RegistryError> {
    let (caller, options) = (Caller::anonymous(), ManifestOptions::default());
    let found = registry.manifest(&caller, name, &reference, &options).await?.found();
    Ok(found.map(|manifest| (manifest.digest, manifest.bytes)))
}

/// The digests in a subject's list.
pub(crate) async fn referrers(
    registry: &Registry,
    name: &RepositoryName,
    subject: &Digest,
) -> Result<Vec<Digest>, RegistryError> {
    let (caller, options) = (Caller::anonymous(), ReferrerOptions::default());
    let listed = registry.referrers(&caller, name, subject, &options).await?;
    listed.entries.map_ok(|descriptor| descriptor.digest).try_collect().await
}
