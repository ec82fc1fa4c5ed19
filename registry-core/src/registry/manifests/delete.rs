//! Deleting a manifest with its tags, or a tag alone (end-9).

use std::{pin::pin, sync::Arc};

use futures::TryStreamExt;

use super::condemn::Deletion;
use crate::{
    access::{Access, Action},
    digest::Digest,
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::AuditAction,
    record::{ManifestRecord, Nonce, RecordKey, ReferrerRecord, RepositoryId, TagRecord},
    reference::Reference,
    registry::{Inner, Registry, audit::within, retry::ROUNDS, store::Stored},
    tag::Tag,
};

impl Registry {
    /// Deletes a tag, or a manifest and every tag that stands for it.
    ///
    /// A manifest goes only if each of its tags may, whenever they were set. What it refers to is
    /// not held by that: a blob, or a manifest in an index, may be deleted where it may be by
    /// itself (decision D18).
    ///
    /// # Errors
    /// [`RegistryError::NameUnknown`], [`RegistryError::ManifestUnknown`],
    /// [`RegistryError::Denied`], [`RegistryError::Unsupported`].
    pub async fn delete_manifest(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<(), RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Delete, || within(name, reference));
        let caller = trail.caller(caller);
        let access = match reference {
            Reference::Tag(tag) => Access::tag(Action::Delete, name, tag),
            Reference::Digest(_) => Access::repository(Action::Delete, name),
        };
        let repository = trail.step(self.0.deletes(caller, access, name)).await?;
        let (inner, reference) = (self.0.clone(), reference.clone());
        let (caller, name) = (caller.clone(), name.clone());
        self.detached(async move {
            let deleted = async {
                match reference {
                    Reference::Tag(tag) => inner.delete_tag(&repository.id, &tag).await,
                    Reference::Digest(digest) => {
                        let (caller, name, repository) = (&caller, &name, &repository);
                        let deletion = Deletion { caller, name, repository, digest: &digest };
                        inner.delete_manifest(&deletion).await
                    }
                }
            };
            trail.end(deleted).await
        })
        .await
    }
}

impl Inner {
    async fn delete_tag(&self, repository: &RepositoryId, tag: &Tag) -> Result<(), RegistryError> {
        let key = RecordKey::tag(repository, tag);
        for _ in ROUNDS {
            let Some(read) = self.read::<TagRecord>(&key).await? else {
                return Err(RegistryError::ManifestUnknown);
            };
            let resolves = self.resolves(repository, &read.value).await?;
            if self.remove(&key, &read.version).await?.is_ok() {
                return if resolves { Ok(()) } else { Err(RegistryError::ManifestUnknown) };
            }
        }
        Err(RegistryError::Busy)
    }

    /// The manifest first, then what stands for it: a writer puts them in the other order and
    /// looks at the manifest again.
    async fn delete_manifest(&self, deletion: &Deletion<'_>) -> Result<(), RegistryError> {
        let Deletion { name, repository, digest, .. } = deletion;
        let key = RecordKey::manifest(&repository.id, digest);
        for _ in ROUNDS {
            let manifest = self.read::<ManifestRecord>(&key).await?;
            let Some(manifest) = manifest.filter(|manifest| manifest.value.is_visible()) else {
                return Err(RegistryError::ManifestUnknown);
            };
            let value = Arc::clone(&manifest.value);
            let Some(version) = self.condemn(deletion, manifest).await? else { continue };
            if self.remove(&key, &version).await?.is_err() {
                continue;
            }
            self.give_back(name.namespace(), value.bytes.len() as u64).await;
            if let Some(subject) = &value.subject {
                self.remove_referrer(&repository.id, subject, digest, value.incarnation).await?;
            }
            return self.remove_tags(&repository.id, digest, value.incarnation).await;
        }
        Err(RegistryError::Busy)
    }

    async fn remove_referrer(
        &self,
        repository: &RepositoryId,
        subject: &Digest,
        digest: &Digest,
        incarnation: Nonce,
    ) -> Result<(), RegistryError> {
        let key = RecordKey::referrer(repository, subject, digest);
        for _ in ROUNDS {
            let read = self.read::<ReferrerRecord>(&key).await?;
            let Some(read) = read.filter(|read| read.value.incarnation == incarnation) else {
                return Ok(());
            };
            if self.remove(&key, &read.version).await?.is_ok() {
                return Ok(());
            }
        }
        Err(RegistryError::Busy)
    }

    async fn remove_tags(
        &self,
        repository: &RepositoryId,
        digest: &Digest,
        incarnation: Nonce,
    ) -> Result<(), RegistryError> {
        let mut tags = pin!(self.tags_of(repository, digest, incarnation));
        while let Some((key, tag)) = tags.try_next().await? {
            let mut read = Some(tag);
            // A conflict means that the tag was set meanwhile: to something else, or again.
            while let Some(Stored { value, version }) = read
                && value.stands_for(digest, incarnation)
                && self.remove(&key, &version).await?.is_err()
            {
                read = self.read(&key).await?;
            }
        }
        Ok(())
    }
}
