//! Dropping an upload: cancelled, expired, or surplus because the blob is there already.

use std::error::Error;

use crate::{
    digest::Digest,
    error::RegistryError,
    ports::{ContentId, StoreErrorKind},
    record::{BlobRecord, BlobState, RecordKey, UploadRecord, UploadState},
    registry::{Inner, retry::ROUNDS, store::Stored},
};

/// Whether the bytes of an upload that is closing count as those of a link now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Linked {
    /// They do, or may.
    Maybe,
    /// They do not.
    No,
}

impl Inner {
    /// Drops an upload and, unless a blob record names it, its content. Going on with a drop that
    /// was interrupted is the same as starting it.
    pub(super) async fn discard(
        &self,
        id: &ContentId,
        linked: Linked,
    ) -> Result<(), RegistryError> {
        let key = RecordKey::upload(id);
        let Some(closing) = self.abort(&key, linked).await? else { return Ok(()) };
        let named = match closing {
            Some(digest) => self.is_named(id, &digest).await?,
            None => false,
        };
        if !named {
            match self.contents.delete(id).await {
                Ok(_) => {}
                // A request is still writing: it finds the upload aborted, and the sweep of
                // aborted uploads deletes the content later.
                Err(error) if error.kind() == StoreErrorKind::Busy => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(session) = self.read::<UploadRecord>(&key).await? {
            // A conflict means that somebody else drops it too.
            let _ = self.remove(&key, &session.version).await?;
        }
        Ok(())
    }

    /// Drops an upload that has failed. The client is told of that failure, not of this one: what is
    /// left expires and is swept.
    pub(super) async fn give_up(&self, id: &ContentId) {
        if let Err(error) = self.discard(id, Linked::Maybe).await {
            tracing::warn!(upload = %id, error = &error as &dyn Error, "a failed upload was not dropped");
        }
    }

    /// Makes the upload aborted. `None`: there is none; else the digest it was closing with.
    async fn abort(
        &self,
        key: &RecordKey,
        linked: Linked,
    ) -> Result<Option<Option<Digest>>, RegistryError> {
        for _ in ROUNDS {
            let Some(session) = self.read::<UploadRecord>(key).await? else {
                return Ok(None);
            };
            let UploadState::Aborted { digest } = session.value.aborted().state else {
                return Err(RegistryError::UploadUnknown);
            };
            let is_aborted = matches!(session.value.state, UploadState::Aborted { .. });
            if is_aborted || self.abort_at(key, &session, linked).await? {
                return Ok(Some(digest));
            }
        }
        Err(RegistryError::Busy)
    }

    /// Makes the upload aborted, if it is as it was read. Whoever does gives its bytes back.
    pub(super) async fn abort_at(
        &self,
        key: &RecordKey,
        session: &Stored<UploadRecord>,
        linked: Linked,
    ) -> Result<bool, RegistryError> {
        let swapped = self.swap(key, &session.value.aborted(), &session.version).await?;
        if swapped.is_ok() {
            self.uncount(&session.value, linked).await;
        }
        Ok(swapped.is_ok())
    }

    /// Gives the bytes back of an upload that is over, by whoever took it out of this state. None
    /// that is open was ever linked.
    pub(super) async fn uncount(&self, session: &UploadRecord, linked: Linked) {
        if linked == Linked::No || matches!(session.state, UploadState::Open { .. }) {
            self.give_back(&session.namespace, session.offset()).await;
        }
    }

    /// Whether a blob record names the content of an aborted upload. When it does not, the record
    /// gets a fresh nonce, so that a publisher that read it before the abort fails to swap (I2).
    async fn is_named(&self, id: &ContentId, digest: &Digest) -> Result<bool, RegistryError> {
        let key = RecordKey::blob(digest);
        for _ in ROUNDS {
            let blob = self.read::<BlobRecord>(&key).await?;
            let renewed = match &blob {
                Some(Stored { value, .. }) => {
                    if value.content == *id && value.state != BlobState::Gone {
                        return Ok(true);
                    }
                    (**value).clone()
                }
                None => {
                    BlobRecord { state: BlobState::Gone, ..BlobRecord::live(*id, 0, self.now()) }
                }
            };
            if self.replace(&key, &renewed, blob.as_ref()).await?.is_ok() {
                return Ok(false);
            }
        }
        Err(RegistryError::Busy)
    }
}
