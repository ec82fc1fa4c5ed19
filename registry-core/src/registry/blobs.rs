//! Blobs: reading them, keeping them, taking them out of a repository.

use std::{error::Error, sync::Arc};

use super::{Inner, Registry, retry::ROUNDS, store::Stored};
use crate::{
    digest::Digest,
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::{AuditAction, BlobOptions, Content, Fetched, ReadOptions, StoreError, StoreErrorKind},
    record::{BlobRecord, BlobState, LinkRecord, LinkState, RecordKey, RepositoryId},
};

impl Registry {
    /// Takes a blob out of a repository (end-10). Other repositories keep it, and its bytes are
    /// left to the collector.
    ///
    /// # Errors
    /// [`RegistryError::NameUnknown`], [`RegistryError::BlobUnknown`], [`RegistryError::Denied`],
    /// [`RegistryError::Unsupported`].
    pub async fn delete_blob(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Delete, || format!("{name}@{digest}"));
        let (inner, caller) = (self.0.clone(), trail.caller(caller).clone());
        let (name, digest) = (name.clone(), *digest);
        // What is gone is told of and given back, though the client hung up.
        self.detached(async move { trail.end(inner.unlink(&caller, &name, &digest)).await }).await
    }
}

impl Inner {
    async fn unlink(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let repository = self.to_delete(caller, name).await?;
        let key = RecordKey::link(digest, &repository);
        let counts = self.counts_stored();
        for _ in ROUNDS {
            let Some(link) = self.read::<LinkRecord>(&key).await? else {
                return Err(RegistryError::BlobUnknown);
            };
            let size = if counts { self.size(digest).await? } else { None };
            if self.remove(&key, &link.version).await?.is_ok() {
                self.give_back(name.namespace(), size.unwrap_or(0)).await;
                return Ok(());
            }
        }
        Err(RegistryError::Busy)
    }

    pub(super) async fn pull_blob(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        digest: &Digest,
        options: &BlobOptions,
    ) -> Result<Fetched<Content>, RegistryError> {
        let Some(repository) = self.to_pull(caller, name).await? else {
            return Ok(Fetched::RepositoryUnknown);
        };
        if options.head {
            self.head(digest, &repository).await
        } else if self.is_linked(digest, &repository).await? {
            self.get(digest, options).await
        } else {
            Ok(Fetched::Unknown)
        }
    }

    /// Whoever is told that a blob exists relies on it, so link and blob are kept first. A blob
    /// whose bytes were lost does not exist: the client then pushes it again, which heals it.
    async fn head(
        &self,
        digest: &Digest,
        repository: &RepositoryId,
    ) -> Result<Fetched<Content>, RegistryError> {
        let blob = match self.keep_linked(digest, repository).await {
            // Reads go on where nothing can be written; the blob then only is not kept for longer.
            Err(RegistryError::Storage(error)) => match self.live(digest, repository).await? {
                Some(blob) => {
                    tracing::warn!(%digest, error = &error as &dyn Error, "a blob was not renewed");
                    Some(blob)
                }
                None => return Err(error.into()),
            },
            kept => kept?,
        };
        let Some(blob) = blob else { return Ok(Fetched::Unknown) };
        Ok(self.intact(&blob).await?.map_or(Fetched::Unknown, Fetched::Found))
    }

    /// The blob as it is, if neither it nor its link is about to be collected.
    async fn live(
        &self,
        digest: &Digest,
        repository: &RepositoryId,
    ) -> Result<Option<Arc<BlobRecord>>, RegistryError> {
        let link = self.read::<LinkRecord>(&RecordKey::link(digest, repository)).await?;
        if link.is_none_or(|link| link.value.state != LinkState::Live) {
            return Ok(None);
        }
        let blob = self.available(digest).await?.map(|blob| blob.value);
        Ok(blob.filter(|blob| blob.state == BlobState::Live))
    }

    async fn get(
        &self,
        digest: &Digest,
        options: &BlobOptions,
    ) -> Result<Fetched<Content>, RegistryError> {
        for _ in ROUNDS {
            let Some(Stored { value: blob, version }) = self.available(digest).await? else {
                return Ok(Fetched::Unknown);
            };
            let range = options.range.map(|range| {
                let size = blob.size;
                range.resolve(size).ok_or(RegistryError::RangeNotSatisfiable { size })
            });
            let options = ReadOptions { range: range.transpose()? };
            match self.contents.read(&blob.content, &options).await? {
                Some(content) if content.size() == blob.size => return Ok(Fetched::Found(content)),
                lost => {
                    // Either the record moved on to another content meanwhile, or bytes are lost.
                    let now = self.available(digest).await?;
                    if now.is_some_and(|now| now.version == version) {
                        tracing::error!(%digest, content = %blob.content, found = ?lost, "the bytes of a blob are lost");
                        return Err(StoreError::new(StoreErrorKind::Corrupt).into());
                    }
                }
            }
        }
        Err(RegistryError::Busy)
    }

    /// The record of a blob whose bytes are there, live or condemned.
    async fn available(
        &self,
        digest: &Digest,
    ) -> Result<Option<Stored<BlobRecord>>, RegistryError> {
        let blob = self.read::<BlobRecord>(&RecordKey::blob(digest)).await?;
        Ok(blob.filter(|blob| blob.value.state != BlobState::Gone))
    }

    /// Keeps a blob for whoever relies on it from now on: a condemned one becomes live again, and
    /// when half the time has passed that an unreferenced blob is kept, that time starts anew.
    pub(super) async fn keep(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<BlobRecord>>, RegistryError> {
        let key = RecordKey::blob(digest);
        for _ in ROUNDS {
            let Some(Stored { value: blob, version }) = self.available(digest).await? else {
                return Ok(None);
            };
            let condemned = blob.state == BlobState::Condemned;
            let stale = blob.touched.until(self.now()) >= self.settings.unreferenced_for / 2;
            if !condemned && !stale {
                return Ok(Some(blob));
            }
            let live = BlobRecord::live(blob.content, blob.size, self.now());
            // A conflict need not mean that somebody else renewed it: a collector may have condemned
            // it, and would go on unless it is seen here.
            if self.swap(&key, &live, &version).await?.is_ok() {
                return Ok(Some(Arc::new(live)));
            }
        }
        Err(RegistryError::Busy)
    }

    /// The content of a blob, if it has the size that the record says.
    pub(super) async fn intact(&self, blob: &BlobRecord) -> Result<Option<Content>, RegistryError> {
        let content = self.contents.read(&blob.content, &ReadOptions::default()).await?;
        let intact = content.filter(|content| content.size() == blob.size);
        if intact.is_none() {
            tracing::error!(content = %blob.content, size = blob.size, "the bytes of a blob are lost");
        }
        Ok(intact)
    }

    /// Keeps a blob and its link, for whoever relies on both. A manifest that does is pending
    /// already, so a collector that lists the roots after this sees it (I3).
    pub(super) async fn keep_linked(
        &self,
        digest: &Digest,
        repository: &RepositoryId,
    ) -> Result<Option<Arc<BlobRecord>>, RegistryError> {
        if self.keep_link(digest, repository).await? { self.keep(digest).await } else { Ok(None) }
    }
}
