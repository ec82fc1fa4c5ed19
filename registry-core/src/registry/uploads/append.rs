//! More bytes for an upload (end-5).

use super::{Chunk, UploadStatus, pipeline::receive};
use crate::{
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::{AuditAction, ContentId},
    record::{Progress, UploadRecord},
    registry::{Inner, Registry, quota::Share, store::Stored},
};

impl Registry {
    /// Appends a chunk. When this returns, the bytes outlast a restart of the server.
    ///
    /// A body that breaks off keeps what arrived, unless the request said how much there would
    /// be: the client then asks where the upload is.
    ///
    /// # Errors
    /// [`RegistryError::UploadUnknown`]; [`RegistryError::UploadRange`], when the chunk belongs
    /// elsewhere or another request is writing; [`RegistryError::SizeInvalid`],
    /// [`RegistryError::BlobTooLarge`], [`RegistryError::QuotaExceeded`], [`RegistryError::Body`],
    /// [`RegistryError::Denied`]. After
    /// any of them the upload goes on where it was, or where the body broke off.
    pub async fn append_upload(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        id: &ContentId,
        chunk: Chunk,
    ) -> Result<UploadStatus, RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Push, || name.to_string());
        let whole = self.append_by(trail.caller(caller), name, id, chunk);
        trail.refusal(whole).await
    }

    async fn append_by(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        id: &ContentId,
        chunk: Chunk,
    ) -> Result<UploadStatus, RegistryError> {
        let repository = self.0.to_go_on(caller, name).await?;
        let session = self.0.session(caller, &repository, id).await?;
        self.0.admit(&session.value, &chunk)?;
        let (inner, id, mut share) = (self.0.clone(), *id, self.0.stored(name));
        self.detached(async move {
            let appended = inner.append(&id, &session, chunk, &mut share).await;
            share.settle().await;
            inner.unless_lost(&id, &session, appended).await
        })
        .await
    }
}

impl Inner {
    async fn append(
        &self,
        id: &ContentId,
        session: &Stored<UploadRecord>,
        chunk: Chunk,
        share: &mut Share,
    ) -> Result<UploadStatus, RegistryError> {
        let progress = self.admit(&session.value, &chunk)?;
        let expected = chunk.length.or(chunk.range.map(|range| range.length()));
        share.begin(expected.unwrap_or(0)).await?;
        let mut writer = self.open_content(id, session, None).await?;
        let (hash, room) = (progress.hash.clone(), self.room(progress, share));
        let received = receive(chunk.body, room, hash, &*self.hash, &mut *writer).await?;
        if expected.is_some_and(|length| length != received.length) {
            received.end?;
            return Err(RegistryError::SizeInvalid);
        }
        let checkpoint = writer.checkpoint().await?;
        let progress = Progress { checkpoint, hash: received.hash };
        let status = self.advance(id, session, progress, share).await?;
        received.end?;
        Ok(status)
    }

    async fn advance(
        &self,
        id: &ContentId,
        session: &Stored<UploadRecord>,
        to: Progress,
        share: &mut Share,
    ) -> Result<UploadStatus, RegistryError> {
        let offset = to.offset();
        let advanced = session.value.advanced(to, self.expiry());
        let advanced = advanced.ok_or(RegistryError::UploadUnknown)?;
        self.go_on_with(id, session, &advanced, share).await?;
        Ok(self.status(*id, offset))
    }
}
