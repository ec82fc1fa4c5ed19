//! The storage protocol of a manifest push.

use std::sync::Arc;

use super::references::references;
use crate::{
    digest::Digest,
    error::RegistryError,
    identity::Caller,
    manifest::Manifest,
    name::RepositoryName,
    ports::Version,
    record::{
        ManifestRecord, ManifestReference, ManifestState, Nonce, RecordKey, ReferrerRecord,
        RepositoryRecord, Retention, TagRecord,
    },
    registry::{Inner, authorize::Refusal, quota::Share, retry::ROUNDS, store::Stored},
    tag::Tag,
};

/// A manifest that was read and checked, and where it goes.
pub(super) struct Commit {
    pub(super) caller: Caller,
    pub(super) name: RepositoryName,
    pub(super) repository: Arc<RepositoryRecord>,
    pub(super) digest: Digest,
    pub(super) manifest: Manifest,
    pub(super) tags: Vec<TagGrant>,
}

/// A tag to set, and why it may not be moved from another manifest, if it may not.
#[derive(Clone, Debug)]
pub(super) struct TagGrant {
    pub(super) tag: Tag,
    pub(super) fixed: Option<Refusal>,
}

impl Inner {
    /// All steps, started over when somebody deleted the manifest meanwhile.
    pub(super) async fn commit(&self, commit: &Commit) -> Result<(), RegistryError> {
        let mut share = self.stored(&commit.name);
        let committed = self.commit_within(commit, &mut share).await;
        share.settle().await;
        committed
    }

    async fn commit_within(&self, commit: &Commit, share: &mut Share) -> Result<(), RegistryError> {
        let references = references(&commit.manifest, self.settings.references);
        for _ in ROUNDS {
            let put = self.put_manifest(commit, &references, share).await?;
            let Some(incarnation) = put else { continue };
            self.put_referrer(commit, incarnation).await?;
            for grant in &commit.tags {
                self.put_tag(commit, grant, incarnation).await?;
            }
            // Step 5: a deleter condemns the manifest before it looks for its tags, and removes it
            // before them, so that either this sees the one or the deleter sees the tags.
            if self.recommit(&commit.repository.id, &commit.digest, incarnation).await? {
                return Ok(());
            }
        }
        Err(RegistryError::Busy)
    }

    /// Steps 1 to 3: gives the incarnation in which the manifest is committed, or `None` when
    /// another writer was faster.
    async fn put_manifest(
        &self,
        commit: &Commit,
        references: &[ManifestReference],
        share: &mut Share,
    ) -> Result<Option<Nonce>, RegistryError> {
        let key = RecordKey::manifest(&commit.repository.id, &commit.digest);
        let found = self.read::<ManifestRecord>(&key).await?;
        // Its bytes count from when it is committed, by whoever commits it.
        let is_counted = found.as_ref().is_some_and(|found| found.value.is_visible());
        let size = if is_counted { 0 } else { commit.manifest.bytes().len() as u64 };
        share.hold(size).await?;
        let (record, version) = match found {
            None => {
                let pending = self.pending(commit, references);
                match self.create(&key, &pending).await? {
                    Ok(version) => (Arc::new(pending), version),
                    Err(_) => return Ok(None),
                }
            }
            Some(Stored { value, version }) => (value, version),
        };
        // The references are roots now, so that what is found in step 2 stays (I3).
        let missing = self.rescue(&commit.repository.id, references).await?;
        if !missing.is_empty() {
            self.withdraw(&key, &record, &version).await?;
            return Err(RegistryError::ManifestBlobUnknown(missing));
        }
        let committed = self.committed(commit, references, record.incarnation, &record);
        if *record == committed {
            return Ok(Some(record.incarnation));
        }
        // Should the swap fail it may have been done all the same.
        share.spend(size);
        let swapped = self.swap(&key, &committed, &version).await?;
        if swapped.is_err() {
            share.unspend(size);
        }
        Ok(swapped.is_ok().then_some(record.incarnation))
    }

    fn pending(&self, commit: &Commit, references: &[ManifestReference]) -> ManifestRecord {
        let incarnation = Nonce::new(&*self.random);
        let media_type = commit.manifest.media_type().clone();
        ManifestRecord::pending(incarnation, self.now(), media_type, references.to_vec())
    }

    /// The record as it should be: in the incarnation that was found, with what its bytes say, the
    /// media type too (D28). So whoever pushes them again changes nothing for those who pull.
    fn committed(
        &self,
        commit: &Commit,
        references: &[ManifestReference],
        incarnation: Nonce,
        found: &ManifestRecord,
    ) -> ManifestRecord {
        let manifest = &commit.manifest;
        ManifestRecord {
            incarnation,
            state: ManifestState::Committed,
            since: if found.is_visible() { found.since } else { self.now() },
            media_type: manifest.media_type().clone(),
            subject: manifest.subject().map(|subject| subject.digest),
            artifact_type: manifest.artifact_type().map(str::to_owned),
            references: references.to_vec(),
            retention: Retention::Pinned,
            bytes: manifest.bytes().clone(),
        }
    }

    /// Takes a pending manifest back whose references are missing. Where that fails another
    /// writer has moved it on, and decides.
    async fn withdraw(
        &self,
        key: &RecordKey,
        record: &ManifestRecord,
        version: &Version,
    ) -> Result<(), RegistryError> {
        if record.state == ManifestState::Pending {
            let _ = self.remove(key, version).await?;
        }
        Ok(())
    }

    /// Step 4: the subject's list of referrers.
    async fn put_referrer(&self, commit: &Commit, incarnation: Nonce) -> Result<(), RegistryError> {
        let Some(subject) = commit.manifest.subject() else { return Ok(()) };
        let key = RecordKey::referrer(&commit.repository.id, &subject.digest, &commit.digest);
        let descriptor = commit.manifest.descriptor(commit.digest);
        let referrer = ReferrerRecord { descriptor, incarnation };
        for _ in ROUNDS {
            let read = self.read::<ReferrerRecord>(&key).await?;
            if read.as_ref().is_some_and(|read| *read.value == referrer)
                || self.replace(&key, &referrer, read.as_ref()).await?.is_ok()
            {
                return Ok(());
            }
        }
        Err(RegistryError::Busy)
    }

    /// Step 4: a tag. One that resolves to nothing counts as absent.
    async fn put_tag(
        &self,
        commit: &Commit,
        grant: &TagGrant,
        incarnation: Nonce,
    ) -> Result<(), RegistryError> {
        let key = RecordKey::tag(&commit.repository.id, &grant.tag);
        for _ in ROUNDS {
            let read = self.read::<TagRecord>(&key).await?;
            if let Some(Stored { value: tag, .. }) = &read {
                if tag.digest == commit.digest && tag.incarnation == incarnation {
                    return Ok(());
                }
                if let Some(refusal) = &grant.fixed
                    && tag.digest != commit.digest
                    && self.resolves(&commit.repository.id, tag).await?
                {
                    return Err(self.refuse(&commit.caller, refusal));
                }
            }
            let tag = TagRecord { digest: commit.digest, incarnation, when: self.now() };
            if self.replace(&key, &tag, read.as_ref()).await?.is_ok() {
                return Ok(());
            }
        }
        Err(RegistryError::Busy)
    }
}
