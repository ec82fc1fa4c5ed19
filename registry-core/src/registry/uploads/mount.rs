//! Mounting a blob of another repository (end-11).

use std::future::ready;

use futures::{StreamExt, TryStreamExt};

use super::UploadStatus;
use crate::{
    access::{Access, Action, Resource, Scope},
    digest::Digest,
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::{AuditAction, KeyRange, Question},
    record::{LinkRecord, RecordKey, RepositoryId},
    registry::{
        Inner, Registry,
        authorize::{Outcome, Refusal},
        links::Link,
    },
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
    /// no `from`, any repository that the caller may pull from will do, and of a token those that
    /// it carries.
    ///
    /// A token that was never asked to pull from there is refused, so that the client comes back
    /// with one that was (D12); that says nothing of whether it may.
    ///
    /// Whether the blob is elsewhere, and not for the caller, or nowhere cannot be told apart:
    /// both open an upload. The time may tell them apart in one case: with no `from`, and a
    /// credential that is not limited to some repositories, the authorizer is asked about up to a
    /// hundred that have the blob, and about none where there is none. Where that matters give out
    /// tokens, whose steps are the same either way.
    ///
    /// # Errors
    /// Those of [`Registry::open_upload`], [`RegistryError::InsufficientScope`],
    /// [`RegistryError::QuotaExceeded`].
    pub async fn mount_blob(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        digest: &Digest,
        from: Option<&RepositoryName>,
    ) -> Result<Mount, RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Mount, || match from {
            Some(from) => format!("{name}@{digest} from {from}"),
            None => format!("{name}@{digest}"),
        });
        let (inner, caller) = (self.0.clone(), trail.caller(caller).clone());
        let (name, digest, from) = (name.clone(), *digest, from.cloned());
        self.detached(async move {
            let mounting = inner.mount_or_open(&caller, &name, &digest, from.as_ref());
            let mounted = trail.step(mounting).await?;
            match &mounted {
                Mount::Mounted => trail.end(ready(Ok(()))).await?,
                // Of the repositories that nobody named none was refused.
                Mount::Upload(_) if from.is_some() => trail.quietly_refused().await,
                Mount::Upload(_) => {}
            }
            Ok(mounted)
        })
        .await
    }
}

impl Inner {
    async fn mount_or_open(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        digest: &Digest,
        from: Option<&RepositoryName>,
    ) -> Result<Mount, RegistryError> {
        let mut target = self.push_target(caller, name).await?;
        if let Some(from) = from
            && !caller.scope.names(&Resource::Repository(from.clone()))
        {
            let access = Access::repository(Action::Pull, from);
            return Err(self.refuse(caller, &Refusal::not_asked_for(access)));
        }
        let repository = self.enter(caller, &mut target).await?.id.clone();
        let found = match from {
            Some(from) => self.pulls_from(caller, digest, from).await?,
            None => self.pulls_from_any(caller, digest).await?,
        };
        if found && self.mount(digest, &repository, name).await? {
            return Ok(Mount::Mounted);
        }
        let announced = Some(digest.algorithm());
        Ok(Mount::Upload(self.open_session(caller, name, &repository, announced).await?))
    }

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
        self.count_link(digest, repository, name, blob.size).await?;
        Ok(true)
    }

    /// Links a blob whose bytes count for this repository too, unless they do already.
    async fn count_link(
        &self,
        digest: &Digest,
        repository: &RepositoryId,
        name: &RepositoryName,
        size: u64,
    ) -> Result<(), RegistryError> {
        // Where it is linked already there need not be room for it.
        if self.limiter.is_some() && self.keep_link(digest, repository).await? {
            return Ok(());
        }
        let mut share = self.stored(name);
        share.hold(size).await?;
        // Should it fail it may be there all the same, and counts.
        share.spend(size);
        if self.link(digest, repository, name).await? == Link::Renewed {
            share.unspend(size);
        }
        share.settle().await;
        Ok(())
    }

    async fn pulls_from(
        &self,
        caller: &Caller,
        digest: &Digest,
        from: &RepositoryName,
    ) -> Result<bool, RegistryError> {
        let access = Access::repository(Action::Pull, from);
        let source = self.find(from).await?;
        let question = Question::within(access, source.clone());
        if let Outcome::Refused(refusal) = self.decide_one(caller, &question).await? {
            // For the logs alone: the client gets an upload.
            self.refuse(caller, &refusal);
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
        if let Scope::Limited(grants) = &caller.scope {
            // Only what a token carries, so that no step depends on what is elsewhere.
            for grant in grants.iter().take(CANDIDATES) {
                if let Resource::Repository(from) = grant.resource()
                    && grant.actions().contains(&Action::Pull)
                    && self.pulls_from(caller, digest, from).await?
                {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        let mut questions = Vec::new();
        for (id, name) in self.linked_names(digest).await? {
            let access = Access::repository(Action::Pull, &name);
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
