//! Mounting a blob of another repository (end-11).

use futures::{StreamExt, TryStreamExt};

use super::UploadStatus;
use crate::{
    access::{Access, Action, Resource},
    digest::Digest,
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::{KeyRange, Question},
    record::{LinkRecord, RecordKey, RepositoryId},
    registry::{Inner, Registry},
};

/// How a mount ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the spec knows these two")]
pub enum Mount {
    /// The blob is in the repository now.
    Mounted,
    /// It could not be mounted: the client pushes it here.
    Upload(UploadStatus),
}

/// How many repositories a mount without `from` looks at.
const CANDIDATES: usize = 100;

impl Registry {
    /// Makes a blob of another repository one of this too, if the caller may pull it there. With
    /// no `from`, any repository that the caller may pull from will do.
    ///
    /// A token that was never asked to pull from there is refused, so that the client comes back
    /// with one that was (D12); that says nothing of whether it may.
    ///
    /// Whether the blob is elsewhere, and not for the caller, or nowhere cannot be told apart:
    /// both open an upload.
    ///
    /// # Errors
    /// Those of [`Registry::open_upload`], [`RegistryError::InsufficientScope`].
    pub async fn mount_blob(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        digest: &Digest,
        from: Option<&RepositoryName>,
    ) -> Result<Mount, RegistryError> {
        let mut target = self.0.push_target(caller, name).await?;
        if let Some(from) = from
            && !caller.scope.names(&Resource::Repository(from.clone()))
        {
            return Err(RegistryError::InsufficientScope);
        }
        let repository = self.0.enter(caller, &mut target).await?;
        let found = match from {
            Some(from) => self.0.pulls_from(caller, digest, from).await?,
            None => self.0.pulls_from_any(caller, digest).await?,
        };
        if found && self.0.mount(digest, &repository, name).await? {
            return Ok(Mount::Mounted);
        }
        let upload = self.0.open_session(caller, &repository, Some(digest.algorithm())).await?;
        Ok(Mount::Upload(upload))
    }
}

impl Inner {
    /// Whoever mounts relies on the blob, so it is kept before it is linked.
    async fn mount(
        &self,
        digest: &Digest,
        repository: &RepositoryId,
        name: &RepositoryName,
    ) -> Result<bool, RegistryError> {
        let Some(blob) = self.keep(digest).await? else { return Ok(false) };
        if self.intact(&blob).await?.is_none() {
            return Ok(false);
        }
        self.link(digest, repository, name).await?;
        Ok(true)
    }

    async fn pulls_from(
        &self,
        caller: &Caller,
        digest: &Digest,
        from: &RepositoryName,
    ) -> Result<bool, RegistryError> {
        let access = Access::repository(Action::Pull, from);
        let source = self.find(from).await?;
        if !self.allowed(caller, &[Question::within(access, source.clone())]).await?[0] {
            return Ok(false);
        }
        match source {
            Some(source) => self.is_linked(digest, &source.id).await,
            None => Ok(false),
        }
    }

    async fn pulls_from_any(
        &self,
        caller: &Caller,
        digest: &Digest,
    ) -> Result<bool, RegistryError> {
        let mut questions = Vec::new();
        for (id, name) in self.linked_names(digest).await? {
            let access = Access::repository(Action::Pull, &name);
            // What a token does not carry is not looked up: the time would tell that it is there.
            if !caller.scope.covers(&access) {
                continue;
            }
            // The name in a link is a hint: only the repository's own record counts.
            let repository = self.find(&name).await?.filter(|repository| repository.id == id);
            if repository.is_some() {
                questions.push(Question::within(access, repository));
            }
        }
        if questions.is_empty() {
            return Ok(false);
        }
        Ok(self.allowed(caller, &questions).await?.contains(&true))
    }

    /// The repositories that may read a blob, and what they were called when it was linked.
    async fn linked_names(
        &self,
        digest: &Digest,
    ) -> Result<Vec<(RepositoryId, RepositoryName)>, RegistryError> {
        let prefix = RecordKey::links(digest);
        let range = KeyRange { limit: Some(CANDIDATES), ..KeyRange::all(prefix.clone()) };
        let mut entries = self.records.list(range).take(CANDIDATES);
        let mut names = Vec::new();
        while let Some(entry) = entries.try_next().await? {
            let Some(id) = entry.key.after::<RepositoryId>(&prefix) else { continue };
            let link = match entry.record {
                Some((_, record)) => Some(record.view::<LinkRecord>()?),
                None => self.read::<LinkRecord>(&entry.key).await?.map(|link| link.value),
            };
            names.extend(link.map(|link| (id, link.name.clone())));
        }
        Ok(names)
    }
}
