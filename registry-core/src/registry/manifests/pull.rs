//! Reading a manifest (end-3).

use std::sync::Arc;

use crate::{
    digest::Digest,
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::{Fetched, PulledManifest},
    record::{ManifestRecord, RecordKey, RepositoryId, TagRecord},
    reference::Reference,
    registry::{Inner, retry::ROUNDS},
    tag::Tag,
};

impl Inner {
    pub(in crate::registry) async fn pull_manifest(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<Fetched<PulledManifest>, RegistryError> {
        let Some(repository) = self.to_pull(caller, name).await? else {
            return Ok(Fetched::RepositoryUnknown);
        };
        let found = match reference {
            Reference::Digest(digest) => {
                let manifest = self.visible_manifest(&repository, digest).await?;
                manifest.map(|manifest| (*digest, manifest))
            }
            Reference::Tag(tag) => self.resolve_tag(&repository, tag).await?,
        };
        Ok(found.map_or(Fetched::Unknown, |(digest, manifest)| {
            Fetched::Found(PulledManifest {
                digest,
                media_type: manifest.media_type.clone(),
                bytes: manifest.bytes.clone(),
            })
        }))
    }

    /// The manifest that a tag stands for, as long as it is there in the same incarnation.
    pub(in crate::registry) async fn resolve_tag(
        &self,
        repository: &RepositoryId,
        tag: &Tag,
    ) -> Result<Option<(Digest, Arc<ManifestRecord>)>, RegistryError> {
        let key = RecordKey::tag(repository, tag);
        let mut before = None;
        for _ in ROUNDS {
            let Some(tag) = self.read::<TagRecord>(&key).await? else { return Ok(None) };
            let digest = tag.value.digest;
            if let Some(manifest) = self.visible_manifest(repository, &digest).await?
                && manifest.incarnation == tag.value.incarnation
            {
                return Ok(Some((digest, manifest)));
            }
            // Either the tag dangles, or it was moved between the two reads.
            if before.as_ref() == Some(&tag.version) {
                return Ok(None);
            }
            before = Some(tag.version);
        }
        Err(RegistryError::Busy)
    }

    /// Whether the manifest of a tag is there, in the tag's incarnation.
    pub(in crate::registry) async fn resolves(
        &self,
        repository: &RepositoryId,
        tag: &TagRecord,
    ) -> Result<bool, RegistryError> {
        let manifest = self.visible_manifest(repository, &tag.digest).await?;
        Ok(manifest.is_some_and(|manifest| manifest.incarnation == tag.incarnation))
    }

    /// The manifest, unless it is absent or pending.
    pub(in crate::registry) async fn visible_manifest(
        &self,
        repository: &RepositoryId,
        digest: &Digest,
    ) -> Result<Option<Arc<ManifestRecord>>, RegistryError> {
        let key = RecordKey::manifest(repository, digest);
        let manifest = self.read::<ManifestRecord>(&key).await?.map(|manifest| manifest.value);
        Ok(manifest.filter(|manifest| manifest.is_visible()))
    }
}
