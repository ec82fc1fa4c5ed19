//! Condemning a manifest, so that whoever deletes it knows every tag that stands for it.

use std::{collections::BTreeSet, pin::pin, sync::Arc};

use futures::{Stream, TryStreamExt};

use crate::{
    access::{Access, Action},
    digest::Digest,
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::{KeyRange, Question, StoreError, StoreErrorKind, Version},
    record::{
        ManifestRecord, ManifestState, Nonce, RecordKey, RepositoryId, RepositoryRecord, TagRecord,
    },
    registry::{Inner, retry::ROUNDS, store::Stored},
    tag::Tag,
};

/// A manifest that somebody means to delete, and so each of its tags.
pub(super) struct Deletion<'a> {
    pub(super) caller: &'a Caller,
    pub(super) name: &'a RepositoryName,
    pub(super) repository: &'a Arc<RepositoryRecord>,
    pub(super) digest: &'a Digest,
}

impl Inner {
    /// Goes on only if the caller may delete every tag that stands for the manifest, and gives the
    /// version at which that is so. `None`: somebody else changed the manifest meanwhile.
    ///
    /// A push puts its tag first, looks at the manifest afterwards, and commits it again where it
    /// is condemned. So each tag is either seen here, or the version that is given is not the
    /// manifest's any more when its push is acknowledged. A condemned manifest is there all the
    /// same: should this stop, nothing has happened.
    pub(super) async fn condemn(
        &self,
        deletion: &Deletion<'_>,
        found: Stored<ManifestRecord>,
    ) -> Result<Option<Version>, RegistryError> {
        let key = RecordKey::manifest(&deletion.repository.id, deletion.digest);
        let (manifest, mut asked) = (found.value, BTreeSet::new());
        // A refusal leaves no trace, unless a tag comes just meanwhile.
        self.authorize_tags(deletion, manifest.incarnation, &mut asked).await?;
        let version = if manifest.state == ManifestState::Condemned {
            found.version
        } else {
            let condemned = manifest.in_state(ManifestState::Condemned);
            match self.swap(&key, &condemned, &found.version).await? {
                Ok(version) => version,
                Err(_) => return Ok(None),
            }
        };
        let authorized = self.authorize_tags(deletion, manifest.incarnation, &mut asked).await;
        if authorized.is_err() {
            // Where that fails it is condemned until somebody pushes it, which changes nothing.
            let committed = manifest.in_state(ManifestState::Committed);
            let _ = self.swap(&key, &committed, &version).await;
        }
        authorized.map(|()| Some(version))
    }

    /// Whether a manifest is there in this incarnation; one that is condemned is committed again.
    pub(super) async fn recommit(
        &self,
        repository: &RepositoryId,
        digest: &Digest,
        incarnation: Nonce,
    ) -> Result<bool, RegistryError> {
        let key = RecordKey::manifest(repository, digest);
        for _ in ROUNDS {
            let read = self.read::<ManifestRecord>(&key).await?;
            let Some(Stored { value, version }) = read
                .filter(|read| read.value.is_visible() && read.value.incarnation == incarnation)
            else {
                return Ok(false);
            };
            if value.state == ManifestState::Committed
                || self
                    .swap(&key, &value.in_state(ManifestState::Committed), &version)
                    .await?
                    .is_ok()
            {
                return Ok(true);
            }
        }
        Err(RegistryError::Busy)
    }

    /// The tags that stand for an incarnation of a manifest.
    pub(super) fn tags_of(
        &self,
        repository: &RepositoryId,
        digest: &Digest,
        incarnation: Nonce,
    ) -> impl Stream<Item = Result<(RecordKey, Stored<TagRecord>), RegistryError>> {
        let entries = self.records.list(KeyRange::all(RecordKey::tags(repository)));
        entries.map_err(RegistryError::from).try_filter_map(move |entry| async move {
            let read = match entry.record {
                Some((version, record)) => Some(Stored::decode(version, &record)?),
                None => self.read::<TagRecord>(&entry.key).await?,
            };
            let read = read.filter(|read| read.value.stands_for(digest, incarnation));
            Ok(read.map(|read| (entry.key, read)))
        })
    }

    /// Goes on only if the caller may delete each of the tags, of which some were asked about
    /// before.
    async fn authorize_tags(
        &self,
        deletion: &Deletion<'_>,
        incarnation: Nonce,
        asked: &mut BTreeSet<Tag>,
    ) -> Result<(), RegistryError> {
        let Deletion { caller, name, repository, digest } = deletion;
        let prefix = RecordKey::tags(&repository.id);
        let mut tags = pin!(self.tags_of(&repository.id, digest, incarnation));
        let mut questions = Vec::new();
        while let Some((key, _)) = tags.try_next().await? {
            let tag: Tag =
                key.after(&prefix).ok_or(StoreErrorKind::Corrupt).map_err(StoreError::new)?;
            let access = Access::tag(Action::Delete, name, &tag);
            if asked.insert(tag) {
                questions.push(Question::within(access, Some(Arc::clone(repository))));
            }
        }
        if questions.is_empty() {
            return Ok(());
        }
        self.authorize_all(caller, &questions).await
    }
}

impl ManifestRecord {
    fn in_state(&self, state: ManifestState) -> Self {
        Self { state, ..self.clone() }
    }
}

impl TagRecord {
    pub(super) fn stands_for(&self, digest: &Digest, incarnation: Nonce) -> bool {
        self.digest == *digest && self.incarnation == incarnation
    }
}
