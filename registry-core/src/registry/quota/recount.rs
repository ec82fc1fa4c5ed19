//! Counting what is kept by what the records say.

use std::collections::BTreeMap;

use futures::TryStreamExt;

use crate::{
    digest::Digest,
    error::RegistryError,
    name::RepositoryName,
    ports::{ContentId, KeyRange, RecordEntry},
    record::{
        BlobRecord, ManifestRecord, RecordKey, RepositoryId, RepositoryRecord, Typed, UploadRecord,
        UploadState,
    },
    registry::{Inner, Registry, store::Stored},
};

impl Registry {
    /// How many bytes each namespace keeps: the first component of its repositories' names, and the
    /// bytes that they link, their manifests, and the uploads that are open in them. For a limiter
    /// that starts to count, or whose count a crash has left too high.
    ///
    /// It reads every repository, link and manifest, and is exact while nothing is pushed or
    /// deleted.
    ///
    /// # Errors
    /// [`RegistryError::Storage`].
    pub async fn stored_bytes(&self) -> Result<BTreeMap<String, u64>, RegistryError> {
        let mut count =
            Count { registry: &self.0, repositories: BTreeMap::new(), bytes: BTreeMap::new() };
        count.repositories().await?;
        count.links().await?;
        count.manifests().await?;
        count.uploads().await?;
        Ok(count.bytes)
    }
}

struct Count<'a> {
    registry: &'a Inner,
    /// The namespace of each.
    repositories: BTreeMap<RepositoryId, String>,
    bytes: BTreeMap<String, u64>,
}

impl Count<'_> {
    async fn repositories(&mut self) -> Result<(), RegistryError> {
        let prefix = RecordKey::repositories();
        let mut entries = self.registry.records.list(KeyRange::all(prefix.clone()));
        while let Some(entry) = entries.try_next().await? {
            let Some(name) = entry.key.after::<RepositoryName>(&prefix) else { continue };
            if let Some(repository) = self.value::<RepositoryRecord>(&entry).await? {
                let namespace = name.namespace().to_owned();
                self.repositories.insert(repository.value.id.clone(), namespace);
            }
        }
        Ok(())
    }

    /// The links to a blob follow each other, so that its size is read once.
    async fn links(&mut self) -> Result<(), RegistryError> {
        let mut entries = self.registry.records.list(KeyRange::all("link/".to_owned()));
        let mut blob: Option<(Digest, u64)> = None;
        while let Some(entry) = entries.try_next().await? {
            let Some((digest, repository)) = pair::<Digest, RepositoryId>(&entry.key) else {
                continue;
            };
            let size = match blob {
                Some((known, size)) if known == digest => size,
                _ => self.registry.size(&digest).await?.unwrap_or(0),
            };
            blob = Some((digest, size));
            self.add(&repository, size);
        }
        Ok(())
    }

    async fn manifests(&mut self) -> Result<(), RegistryError> {
        let mut entries = self.registry.records.list(KeyRange::all("manifest/".to_owned()));
        while let Some(entry) = entries.try_next().await? {
            let Some((repository, _)) = pair::<RepositoryId, Digest>(&entry.key) else { continue };
            let manifest = self.value::<ManifestRecord>(&entry).await?;
            if let Some(manifest) = manifest.filter(|manifest| manifest.value.is_visible()) {
                self.add(&repository, manifest.value.bytes.len() as u64);
            }
        }
        Ok(())
    }

    /// Where an upload is being closed, and the link is there, it is the link that counts.
    async fn uploads(&mut self) -> Result<(), RegistryError> {
        let prefix = "upload/".to_owned();
        let mut entries = self.registry.records.list(KeyRange::all(prefix.clone()));
        while let Some(entry) = entries.try_next().await? {
            if entry.key.after::<ContentId>(&prefix).is_none() {
                continue;
            }
            let Some(Stored { value, .. }) = self.value::<UploadRecord>(&entry).await? else {
                continue;
            };
            if let UploadState::Closing { digest, .. } = &value.state
                && self.registry.is_linked(digest, &value.repository).await?
            {
                continue;
            }
            self.add(&value.repository, value.offset());
        }
        Ok(())
    }

    async fn value<T: Typed>(
        &self,
        entry: &RecordEntry,
    ) -> Result<Option<Stored<T>>, RegistryError> {
        Ok(match &entry.record {
            Some((version, record)) => Some(Stored::decode(version.clone(), record)?),
            None => self.registry.read(&entry.key).await?,
        })
    }

    /// What no repository has any more counts for nobody.
    fn add(&mut self, repository: &RepositoryId, bytes: u64) {
        if let Some(namespace) = self.repositories.get(repository) {
            *self.bytes.entry(namespace.clone()).or_default() += bytes;
        }
    }
}

impl Inner {
    /// How many bytes a blob has, where it is known.
    pub(in crate::registry) async fn size(
        &self,
        digest: &Digest,
    ) -> Result<Option<u64>, RegistryError> {
        let blob = self.read::<BlobRecord>(&RecordKey::blob(digest)).await?;
        Ok(blob.map(|blob| blob.value.size))
    }
}

/// The two components of a key below its kind.
fn pair<A: std::str::FromStr, B: std::str::FromStr>(key: &RecordKey) -> Option<(A, B)> {
    let (_, rest) = key.as_str().split_once('/')?;
    let (first, second) = rest.split_once('/')?;
    Some((first.parse().ok()?, second.parse().ok()?))
}
