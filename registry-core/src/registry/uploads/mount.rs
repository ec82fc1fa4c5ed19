//! Mounting a blob of another repository (end-11).

mod anywhere;

use std::{future::ready, sync::Arc};

use super::UploadStatus;
use crate::{
    access::{Access, Action, Resource},
    digest::Digest,
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::{AuditAction, Question},
    record::RepositoryRecord,
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

/// The repository that is to have a blob.
struct Target<'a> {
    name: &'a RepositoryName,
    repository: Arc<RepositoryRecord>,
}

impl Registry {
    /// Makes a blob of another repository one of this too, if the caller may pull it there. With
    /// no `from`, a few repositories are tried: this one, those that the token names, and some of
    /// those that have the blob. One will do from which the caller may pull, with a token that carries
    /// this, or, with [`Settings::public_mounts`](crate::registry::Settings::public_mounts), from
    /// which everybody may without credentials.
    ///
    /// A token that was never asked to pull from there is refused, so that the client comes back
    /// with one that was (D12); that says nothing of whether it may.
    ///
    /// Whether the blob is elsewhere, and not for the caller, or nowhere cannot be told apart:
    /// both open an upload, after as many reads and questions to the authorizer.
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
        let target = Target { name, repository: self.enter(caller, &mut target).await? };
        let found = match from {
            Some(from) => self.pulls_from(caller, digest, from).await?,
            None => self.pulls_from_any(caller, digest, &target).await?,
        };
        if found && self.mount(digest, &target).await? {
            return Ok(Mount::Mounted);
        }
        let announced = Some(digest.algorithm());
        let id = &target.repository.id;
        Ok(Mount::Upload(self.open_session(caller, name, id, announced).await?))
    }

    /// Whoever mounts relies on the blob, so it is kept before it is linked.
    async fn mount(&self, digest: &Digest, target: &Target<'_>) -> Result<bool, RegistryError> {
        let Some(blob) = self.keep(digest).await? else { return Ok(false) };
        if self.intact(&blob).await?.is_none() {
            return Ok(false);
        }
        self.count_link(digest, target, blob.size).await?;
        Ok(true)
    }

    /// Links a blob whose bytes count for this repository too, unless they do already.
    async fn count_link(
        &self,
        digest: &Digest,
        target: &Target<'_>,
        size: u64,
    ) -> Result<(), RegistryError> {
        let Target { name, repository } = target;
        // Where it is linked already there need not be room for it.
        if self.counts_stored() && self.keep_link(digest, &repository.id).await? {
            return Ok(());
        }
        let mut share = self.stored(name);
        share.hold(size).await?;
        // Should it fail it may be there all the same, and counts.
        share.spend(size);
        if self.link(digest, &repository.id, name).await? == Link::Renewed {
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
}
