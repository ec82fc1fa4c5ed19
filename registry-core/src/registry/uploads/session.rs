//! Finding the session of an upload, and the rules that bind it.

use super::{discard::Linked, pipeline::Room};
use crate::{
    digest::{Algorithm, HashState},
    error::RegistryError,
    identity::Caller,
    ports::{ContentId, ContentWriter, StoreErrorKind, WriteOptions},
    record::{Progress, RecordKey, RepositoryId, Timestamp, UploadRecord, UploadState},
    registry::{Chunk, Inner, quota::Share, store::Stored},
    upload::UploadError,
};

impl Inner {
    /// The session of this caller in this repository. An expired one is dropped here: expiry is
    /// checked at use.
    pub(super) async fn session(
        &self,
        caller: &Caller,
        repository: &RepositoryId,
        id: &ContentId,
    ) -> Result<Stored<UploadRecord>, RegistryError> {
        let session = self.read::<UploadRecord>(&RecordKey::upload(id)).await?;
        let session = session.ok_or(RegistryError::UploadUnknown)?;
        if session.value.admits(repository, &caller.principal.owner(), self.now()) {
            return Ok(session);
        }
        self.expire(id, &session).await?;
        Err(RegistryError::UploadUnknown)
    }

    /// When an upload that is used now expires.
    pub(super) fn expiry(&self) -> Timestamp {
        self.now().plus(self.settings.upload_expiry)
    }

    /// The most bytes of one blob.
    pub(super) fn limit(&self) -> u64 {
        self.settings.max_blob_size.min(self.contents.limits().max_size)
    }

    /// Where the chunk goes on, if it fits: checked before its first byte is read.
    pub(super) fn admit<'a>(
        &self,
        session: &'a UploadRecord,
        chunk: &Chunk,
    ) -> Result<&'a Progress, RegistryError> {
        let progress = session.accept(chunk.range, chunk.length)?;
        let length = chunk.length.or(chunk.range.map(|range| range.length())).unwrap_or(0);
        if progress.offset().saturating_add(length) > self.limit() {
            return Err(RegistryError::BlobTooLarge { limit: self.limit() });
        }
        Ok(progress)
    }

    /// What may still come in.
    pub(super) fn room<'a>(&self, progress: &Progress, share: &'a mut Share) -> Room<'a> {
        Room { offset: progress.offset(), limit: self.limit(), share }
    }

    /// Moves the session on, whose new bytes are counted by its record from then on.
    pub(super) async fn go_on_with(
        &self,
        id: &ContentId,
        session: &Stored<UploadRecord>,
        next: &UploadRecord,
        share: &mut Share,
    ) -> Result<(), RegistryError> {
        let added = next.offset() - session.value.offset();
        // Should the swap fail it may have been done all the same.
        share.spend(added);
        match self.swap(&RecordKey::upload(id), next, &session.version).await? {
            Ok(_) => Ok(()),
            Err(_) => {
                share.unspend(added);
                Err(self.overtaken(id).await)
            }
        }
    }

    /// Opens the content where the upload goes on.
    ///
    /// The session is read again once the content is this request's alone: another may have moved
    /// it on since it was read, and writing at the old place would cut what that one was told is
    /// kept.
    pub(super) async fn open_content(
        &self,
        id: &ContentId,
        session: &Stored<UploadRecord>,
        size: Option<u64>,
    ) -> Result<Box<dyn ContentWriter>, RegistryError> {
        let progress = session.value.progress().ok_or(RegistryError::UploadUnknown)?;
        let options = WriteOptions { size };
        match self.contents.open(id, &progress.checkpoint, &options).await {
            Ok(writer) => {
                let now = self.read::<UploadRecord>(&RecordKey::upload(id)).await?;
                if now.is_some_and(|now| now.version == session.version) {
                    return Ok(writer);
                }
                drop(writer);
                Err(self.overtaken(id).await)
            }
            Err(error) => match error.kind() {
                // Another request is writing: this one learns where the upload is.
                StoreErrorKind::Busy => {
                    Err(RegistryError::UploadRange { offset: progress.offset() })
                }
                // It was closed after the session was read.
                StoreErrorKind::Sealed => Err(self.overtaken(id).await),
                _ => Err(error.into()),
            },
        }
    }

    /// Of a session whose bytes turned out to be lost, as when the machine stopped meanwhile, the
    /// client learns that it has to start anew; the orphan sweep finds the content.
    pub(super) async fn unless_lost<T>(
        &self,
        id: &ContentId,
        session: &Stored<UploadRecord>,
        outcome: Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        match outcome {
            Err(RegistryError::Storage(error)) if error.kind() == StoreErrorKind::Lost => {
                Err(self.forget(id, session).await)
            }
            outcome => outcome,
        }
    }

    /// What a request learns whose swap of the session failed: somebody else moved it on.
    pub(super) async fn overtaken(&self, id: &ContentId) -> RegistryError {
        match self.read::<UploadRecord>(&RecordKey::upload(id)).await {
            Err(error) => error.into(),
            Ok(None) => RegistryError::UploadUnknown,
            Ok(Some(session)) => match session.value.accept(None, None) {
                Ok(progress) => RegistryError::UploadRange { offset: progress.offset() },
                Err(error) => error.into(),
            },
        }
    }

    /// Removes the session whose bytes are lost, unless another moved it on since it was read: then
    /// only the old place is lost.
    async fn forget(&self, id: &ContentId, session: &Stored<UploadRecord>) -> RegistryError {
        match self.remove(&RecordKey::upload(id), &session.version).await {
            Ok(Ok(())) => {
                self.uncount(&session.value, Linked::Maybe).await;
                RegistryError::UploadUnknown
            }
            Ok(Err(_)) => self.overtaken(id).await,
            Err(error) => error.into(),
        }
    }
}

impl Progress {
    /// The hash to go on with. Before the first byte, the algorithm of the closing digest is as
    /// good as the announced one, and spares a second reading.
    pub(super) fn hash_for(&self, closing: Algorithm) -> HashState {
        if self.offset() == 0 { HashState::new(closing) } else { self.hash.clone() }
    }
}

impl UploadRecord {
    /// The session's progress, while it has any.
    pub(super) const fn progress(&self) -> Option<&Progress> {
        match &self.state {
            UploadState::Open { progress, .. } | UploadState::Closing { progress, .. } => {
                Some(progress)
            }
            UploadState::Aborted { .. } => None,
        }
    }
}

impl From<UploadError> for RegistryError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Dropped => Self::UploadUnknown,
            UploadError::Closing => Self::UploadInvalid("the upload is being closed"),
            UploadError::Offset { offset } => Self::UploadRange { offset },
            UploadError::Size => Self::SizeInvalid,
        }
    }
}
