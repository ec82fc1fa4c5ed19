//! Membership of blobs in repositories.

use super::{Inner, retry::ROUNDS, store::Stored};
use crate::{
    digest::Digest,
    error::RegistryError,
    name::RepositoryName,
    record::{LinkRecord, LinkState, RecordKey, RepositoryId},
};

/// How a link was put.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// There was none: the bytes of the blob count for this repository from now on.
    New,
    /// It was there.
    Renewed,
}

impl Inner {
    pub(super) async fn is_linked(
        &self,
        digest: &Digest,
        repository: &RepositoryId,
    ) -> Result<bool, RegistryError> {
        let key = RecordKey::link(digest, repository);
        Ok(self.read::<LinkRecord>(&key).await?.is_some())
    }

    /// Puts the link or refreshes it: its fresh nonce makes a collector that condemned it look
    /// again.
    pub(super) async fn link(
        &self,
        digest: &Digest,
        repository: &RepositoryId,
        name: &RepositoryName,
    ) -> Result<Link, RegistryError> {
        let key = RecordKey::link(digest, repository);
        for _ in ROUNDS {
            let link = LinkRecord::live(name.clone(), self.now());
            let read = self.read::<LinkRecord>(&key).await?;
            if self.replace(&key, &link, read.as_ref()).await?.is_ok() {
                return Ok(if read.is_some() { Link::Renewed } else { Link::New });
            }
        }
        Err(RegistryError::Busy)
    }

    /// Keeps a link for whoever relies on it from now on, as [`Inner::keep`] keeps the blob. Says
    /// whether there is one.
    pub(super) async fn keep_link(
        &self,
        digest: &Digest,
        repository: &RepositoryId,
    ) -> Result<bool, RegistryError> {
        let key = RecordKey::link(digest, repository);
        for _ in ROUNDS {
            let Some(Stored { value, version }) = self.read::<LinkRecord>(&key).await? else {
                return Ok(false);
            };
            let stale = value.since.until(self.now()) >= self.settings.unreferenced_for / 2;
            if value.state == LinkState::Live && !stale {
                return Ok(true);
            }
            let live = LinkRecord::live(value.name.clone(), self.now());
            if self.swap(&key, &live, &version).await?.is_ok() {
                return Ok(true);
            }
        }
        Err(RegistryError::Busy)
    }
}
