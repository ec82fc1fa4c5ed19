//! What those see and cancel of uploads who look after the registry.

use futures::{StreamExt, TryStreamExt};

use super::discard::Linked;
use crate::{
    access::{Access, Action},
    error::RegistryError,
    identity::Caller,
    ports::{AuditAction, ContentId, KeyRange, Listing, Question, StoreError, StoreErrorKind},
    record::{RecordKey, RepositoryId, Timestamp, UploadRecord, UploadState},
    registry::{Inner, Registry, store::Stored},
};

/// An upload, as those see it who look after the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadSession {
    /// Its id.
    pub id: ContentId,
    /// The repository it was opened in.
    pub repository: RepositoryId,
    /// Who opened it: kind and id of the principal, empty for whoever was anonymous.
    pub owner: String,
    /// How many bytes the registry holds.
    pub offset: u64,
    /// When it may be dropped, unless somebody uses it before; it may be over already.
    pub expires: Timestamp,
}

impl Registry {
    /// All uploads that were neither closed nor dropped, in the order of their ids.
    ///
    /// # Errors
    /// [`RegistryError::Denied`] for whoever does not look after the registry as a whole
    /// ([`Action::Admin`]).
    pub async fn uploads(&self, caller: &Caller) -> Result<Listing<UploadSession>, RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Admin, || "uploads".to_owned());
        let question = Question::new(Access::registry(Action::Admin));
        trail.refusal(self.0.authorize(trail.caller(caller), question)).await?;
        let inner = self.0.clone();
        let entries = inner.records.list(KeyRange::all(RecordKey::uploads()));
        let sessions = entries.map_err(RegistryError::from).try_filter_map(move |entry| {
            let inner = inner.clone();
            async move {
                let upload = match entry.record {
                    Some((version, record)) => Some(Stored::decode(version, &record)?),
                    None => inner.read::<UploadRecord>(&entry.key).await?,
                };
                Ok(upload.map(|upload| session(&entry.key, &upload.value)).transpose()?.flatten())
            }
        });
        Ok(Listing::new(sessions.boxed(), None))
    }

    /// Drops an upload, whosever it is.
    ///
    /// # Errors
    /// As for [`Registry::uploads`]; [`RegistryError::UploadUnknown`].
    pub async fn cancel_any_upload(
        &self,
        caller: &Caller,
        id: &ContentId,
    ) -> Result<(), RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Admin, || format!("upload {id}"));
        let question = Question::new(Access::registry(Action::Admin));
        trail.step(self.0.authorize(trail.caller(caller), question)).await?;
        let (inner, id) = (self.0.clone(), *id);
        self.detached(async move { trail.end(inner.discard_known(&id)).await }).await
    }
}

impl Inner {
    async fn discard_known(&self, id: &ContentId) -> Result<(), RegistryError> {
        let upload = self.read::<UploadRecord>(&RecordKey::upload(id)).await?;
        if upload.is_none_or(|upload| is_dropped(&upload.value)) {
            return Err(RegistryError::UploadUnknown);
        }
        self.discard(id, Linked::Maybe).await
    }
}

const fn is_dropped(upload: &UploadRecord) -> bool {
    matches!(upload.state, UploadState::Aborted { .. })
}

/// The session of a record, unless it was dropped.
fn session(key: &RecordKey, upload: &UploadRecord) -> Result<Option<UploadSession>, RegistryError> {
    let id = key.after(&RecordKey::uploads());
    let id = id.ok_or_else(|| StoreError::new(StoreErrorKind::Corrupt))?;
    Ok((!is_dropped(upload)).then(|| UploadSession {
        id,
        repository: upload.repository.clone(),
        owner: upload.owner.clone(),
        offset: upload.offset(),
        expires: upload.expires,
    }))
}
