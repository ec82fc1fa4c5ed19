//! Membership of blobs in repositories.

use super::{Inner, retry::ROUNDS, store::Stored};
use crate::{
    digest::Digest,
    error::RegistryError,
    name::RepositoryName,
    record::{LinkRecord, LinkState, RecordKey, RepositoryId},
};

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
    ) -> Result<(), RegistryError> {
        let key = RecordKey::link(digest, repository);
        for _ in ROUNDS {
            let link = LinkRecord::live(name.clone(), self.now());
            let read = self.read::<LinkRecord>(&key).await?;
            if self.replace(&key, &link, read.as_ref()).await?.is_ok() {
                return Ok(());
            }
        }
        Err(RegistryError::Busy)
    }

    /// Makes sure that a link which somebody relies on stays: a condemned one becomes live again.
    /// Says whether there is one.
    pub(super) async fn rescue_link(
        &self,
        digest: &Digest,
        repository: &RepositoryId,
    ) -> Result<bool, RegistryError> {
        let key = RecordKey::link(digest, repository);
        for _ in ROUNDS {
            let Some(Stored { value, version }) = self.read::<LinkRecord>(&key).await? else {
                return Ok(false);
            };
            if value.state == LinkState::Live {
                return Ok(true);
            }
            let live = LinkRecord { state: LinkState::Live, ..(*value).clone() };
            if self.swap(&key, &live, &version).await?.is_ok() {
                return Ok(true);
            }
        }
        Err(RegistryError::Busy)
    }
}
