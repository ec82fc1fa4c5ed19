//! Uploads that nobody went on with.

use std::error::Error;

use futures::TryStreamExt;

use super::discard::Linked;
use crate::{
    error::RegistryError,
    ports::{ContentId, KeyRange, RecordEntry, StoreError, StoreErrorKind},
    record::{RecordKey, UploadRecord},
    registry::{Inner, Registry, store::Stored},
};

/// How many uploads are looked at for one listing: what is held in memory, whatever their number.
const BATCH: usize = 100;

impl Registry {
    /// Drops every upload that has expired, with its bytes, and gives those back to its namespace.
    /// Goes on with drops that were interrupted, once their uploads would have expired. Gives how
    /// many it dropped.
    ///
    /// An expired upload is unknown to its client whether or not this runs; until then its bytes
    /// are kept, and count. So a server calls this now and then, as each minute. It asks nobody
    /// whether it may: it is not for clients. Several servers may do it at once, and it may stop
    /// anywhere.
    ///
    /// # Errors
    /// [`RegistryError::Storage`] where the uploads cannot be listed. One that cannot be dropped is
    /// logged, and is tried again the next time.
    pub async fn discard_expired_uploads(&self) -> Result<u64, RegistryError> {
        let (mut after, mut dropped) = (None, 0);
        loop {
            let batch = self.0.upload_batch(after.take()).await?;
            for entry in &batch {
                dropped += u64::from(self.0.discard_if_expired(entry).await);
            }
            match batch.last() {
                Some(last) if batch.len() == BATCH => after = Some(id(&last.key)?.to_string()),
                _ => return Ok(dropped),
            }
        }
    }
}

impl Inner {
    /// Read to its end before anything of it is dropped: no listing stays open meanwhile.
    async fn upload_batch(&self, after: Option<String>) -> Result<Vec<RecordEntry>, RegistryError> {
        let range = KeyRange { prefix: RecordKey::uploads(), after, limit: Some(BATCH) };
        let mut entries = self.records.list(range);
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Some(entry) = entries.try_next().await?
        {
            batch.push(entry);
        }
        Ok(batch)
    }

    /// One that cannot be dropped keeps no other from it.
    async fn discard_if_expired(&self, entry: &RecordEntry) -> bool {
        match self.expire_entry(entry).await {
            Ok(dropped) => dropped,
            Err(error) => {
                let (upload, error) = (entry.key.as_str(), &error as &dyn Error);
                tracing::warn!(upload, error, "an expired upload was not dropped");
                false
            }
        }
    }

    async fn expire_entry(&self, entry: &RecordEntry) -> Result<bool, RegistryError> {
        let session = match &entry.record {
            Some((version, record)) => Stored::decode(version.clone(), record)?,
            None => match self.read::<UploadRecord>(&entry.key).await? {
                Some(session) => session,
                None => return Ok(false),
            },
        };
        self.expire(&id(&entry.key)?, &session).await
    }

    /// Drops an upload if it has expired, at the version that was read: a request that is still
    /// under way may have moved it on.
    pub(super) async fn expire(
        &self,
        id: &ContentId,
        session: &Stored<UploadRecord>,
    ) -> Result<bool, RegistryError> {
        let expires = session.value.expires <= self.now()
            && self.abort_at(&RecordKey::upload(id), session, Linked::Maybe).await?;
        if expires {
            self.discard(id, Linked::Maybe).await?;
        }
        Ok(expires)
    }
}

fn id(key: &RecordKey) -> Result<ContentId, StoreError> {
    key.after(&RecordKey::uploads()).ok_or_else(|| StoreErrorKind::Corrupt.into())
}
