//! Opening an upload (end-4a, end-4c), asking for it (end-13), cancelling it (end-14).

use super::{UploadStatus, discard::Linked};
use crate::{
    digest::Algorithm,
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::{AuditAction, ContentId},
    record::{RecordKey, RepositoryId, UploadRecord},
    registry::{Inner, Registry},
};

impl Registry {
    /// Opens an upload, and creates the repository on a first push.
    ///
    /// # Errors
    /// [`RegistryError::Denied`], [`RegistryError::Unsupported`].
    pub async fn open_upload(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        announced: Option<Algorithm>,
    ) -> Result<UploadStatus, RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Push, || name.to_string());
        let caller = trail.caller(caller);
        let repository = trail.refusal(self.0.to_push(caller, name)).await?;
        self.0.open_session(caller, name, &repository, announced).await
    }

    /// Where an upload is.
    ///
    /// # Errors
    /// [`RegistryError::UploadUnknown`], [`RegistryError::Denied`].
    pub async fn upload_status(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        id: &ContentId,
    ) -> Result<UploadStatus, RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Push, || name.to_string());
        let caller = trail.caller(caller);
        let repository = trail.refusal(self.0.to_go_on(caller, name)).await?;
        let session = self.0.session(caller, &repository, id).await?;
        Ok(self.0.status(*id, session.value.offset()))
    }

    /// Drops an upload. It needs the right to push, not to delete (decision D23).
    ///
    /// # Errors
    /// [`RegistryError::UploadUnknown`], [`RegistryError::Denied`].
    pub async fn cancel_upload(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        id: &ContentId,
    ) -> Result<(), RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Push, || name.to_string());
        let caller = trail.caller(caller);
        let repository = trail.refusal(self.0.to_go_on(caller, name)).await?;
        self.0.session(caller, &repository, id).await?;
        let (inner, id) = (self.0.clone(), *id);
        self.detached(async move { inner.discard(&id, Linked::Maybe).await }).await
    }
}

impl Inner {
    /// The record is written before the content's first byte, so that no content is without one.
    pub(super) async fn open_session(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        repository: &RepositoryId,
        announced: Option<Algorithm>,
    ) -> Result<UploadStatus, RegistryError> {
        let id = ContentId::new(&*self.random);
        let owner = caller.principal.owner();
        let record = UploadRecord::open(repository.clone(), owner, announced, self.expiry())
            .counted_in(name.namespace());
        match self.create(&RecordKey::upload(&id), &record).await? {
            Ok(_) => Ok(self.status(id, 0)),
            // Only a broken source of randomness gives an id twice.
            Err(_) => Err(RegistryError::Busy),
        }
    }

    pub(super) fn status(&self, id: ContentId, offset: u64) -> UploadStatus {
        UploadStatus { id, offset, min_chunk: self.contents.limits().min_chunk }
    }
}
