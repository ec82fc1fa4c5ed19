//! What a manifest refers to.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};

use crate::{
    digest::Digest,
    error::RegistryError,
    manifest::Manifest,
    record::{
        ManifestRecord, ManifestReference, ManifestState, RecordKey, ReferenceKind, RepositoryId,
    },
    registry::{Inner, References, retry::ROUNDS, store::Stored},
};

/// How many references are looked at side by side: enough for a store far away.
const SIDE_BY_SIDE: usize = 16;

/// Each content once, with the strongest need, in the order of the digests.
pub(super) fn references(manifest: &Manifest, mode: References) -> Vec<ManifestReference> {
    let mut kinds: BTreeMap<Digest, ReferenceKind> = BTreeMap::new();
    let mut add = |digest: Digest, kind: ReferenceKind| {
        let kind = if mode == References::Sparse { ReferenceKind::Optional } else { kind };
        // The kinds sort from the strongest need to the weakest.
        kinds.entry(digest).and_modify(|known| *known = kind.min(*known)).or_insert(kind);
    };
    for descriptor in manifest.config().into_iter().chain(manifest.layers()) {
        let optional = descriptor.media_type.is_non_distributable();
        add(
            descriptor.digest,
            if optional { ReferenceKind::Optional } else { ReferenceKind::Blob },
        );
    }
    for child in manifest.manifests() {
        add(child.digest, ReferenceKind::Child);
    }
    if let Some(subject) = manifest.subject() {
        add(subject.digest, ReferenceKind::Optional);
    }
    kinds.into_iter().map(|(digest, kind)| ManifestReference { digest, kind }).collect()
}

impl Inner {
    /// Step 2 of a push: everything that the manifest needs is there and stays. Gives what is
    /// missing.
    pub(super) async fn rescue(
        &self,
        repository: &RepositoryId,
        references: &[ManifestReference],
    ) -> Result<Vec<Digest>, RegistryError> {
        stream::iter(references.to_vec())
            .map(|reference| async move {
                let there = self.rescue_one(repository, &reference).await?;
                let needed = reference.kind != ReferenceKind::Optional;
                Ok((needed && !there).then_some(reference.digest))
            })
            .buffered(SIDE_BY_SIDE)
            .try_filter_map(|missing| async move { Ok(missing) })
            .try_collect()
            .await
    }

    async fn rescue_one(
        &self,
        repository: &RepositoryId,
        reference: &ManifestReference,
    ) -> Result<bool, RegistryError> {
        let digest = &reference.digest;
        let may_be_manifest = reference.kind != ReferenceKind::Blob;
        Ok(may_be_manifest && self.rescue_manifest(repository, digest).await?
            || self.keep_linked(digest, repository).await?.is_some())
    }

    async fn rescue_manifest(
        &self,
        repository: &RepositoryId,
        digest: &Digest,
    ) -> Result<bool, RegistryError> {
        let key = RecordKey::manifest(repository, digest);
        for _ in ROUNDS {
            let manifest = self.read::<ManifestRecord>(&key).await?;
            let Some(Stored { value, version }) = manifest else { return Ok(false) };
            match value.state {
                ManifestState::Pending => return Ok(false),
                ManifestState::Committed => return Ok(true),
                ManifestState::Condemned => {
                    let committed =
                        ManifestRecord { state: ManifestState::Committed, ..(*value).clone() };
                    if self.swap(&key, &committed, &version).await?.is_ok() {
                        return Ok(true);
                    }
                }
            }
        }
        Err(RegistryError::Busy)
    }
}
