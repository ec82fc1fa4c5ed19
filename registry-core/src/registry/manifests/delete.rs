//! Deleting a manifest with its tags, or a tag alone (end-9).

use futures::TryStreamExt;

use crate::{
    digest::Digest,
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::{AuditAction, KeyRange},
    record::{ManifestRecord, Nonce, RecordKey, ReferrerRecord, RepositoryId, TagRecord},
    reference::Reference,
    registry::{Inner, Registry, audit::within, retry::ROUNDS, store::Stored},
    tag::Tag,
};

impl Registry {
    /// Deletes a tag, or a manifest and every tag that stands for it.
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
        let repository = trail.step(self.0.to_delete(trail.caller(caller), name)).await?;
        let (inner, name, reference) = (self.0.clone(), name.clone(), reference.clone());
        self.detached(async move {
            let deleted = async {
                match reference {
                    Reference::Tag(tag) => inner.delete_tag(&repository, &tag).await,
                    Reference::Digest(digest) => {
                        inner.delete_manifest(&name, &repository, &digest).await
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
    async fn delete_manifest(
        &self,
        name: &RepositoryName,
        repository: &RepositoryId,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let key = RecordKey::manifest(repository, digest);
        for _ in ROUNDS {
            let manifest = self.read::<ManifestRecord>(&key).await?;
            let Some(Stored { value, version }) = manifest.filter(|m| m.value.is_visible()) else {
                return Err(RegistryError::ManifestUnknown);
            };
            if self.remove(&key, &version).await?.is_err() {
                continue;
            }
            self.give_back(name.namespace(), value.bytes.len() as u64).await;
            if let Some(subject) = &value.subject {
                self.remove_referrer(repository, subject, digest, value.incarnation).await?;
            }
            return self.remove_tags(repository, digest, value.incarnation).await;
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
        let mut entries = self.records.list(KeyRange::all(RecordKey::tags(repository)));
        while let Some(entry) = entries.try_next().await? {
            let mut read = match entry.record {
                Some((version, record)) => Some(Stored::decode(version, &record)?),
                None => self.read::<TagRecord>(&entry.key).await?,
            };
            // A conflict means that the tag was set meanwhile: to something else, or again.
            while let Some(Stored { value, version }) = read
                && value.digest == *digest
                && value.incarnation == incarnation
                && self.remove(&entry.key, &version).await?.is_err()
            {
                read = self.read(&entry.key).await?;
            }
        }
        Ok(())
    }
}
