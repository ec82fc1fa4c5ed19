//! A mount that names no source (distribution-spec, "Mounting a blob from another repository").

use std::{collections::BTreeSet, iter};

use futures::{StreamExt, TryStreamExt, stream};

use super::Target;
use crate::{
    access::{Access, Action},
    digest::Digest,
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::{KeyRange, Question},
    record::{LinkRecord, RecordKey, RepositoryId},
    registry::Inner,
};

/// How many repositories are looked at, whether or not so many have the blob.
const CANDIDATES: usize = 16;

/// A repository that has the blob, or else stands for one that has.
struct Candidate {
    question: Question,
    /// Which it is, if it has the blob.
    has_it: Option<RepositoryId>,
}

impl Inner {
    /// Whether a blob may be mounted from anywhere: from where the caller may pull, with this
    /// credential, and from where everybody may, who needs none, if the settings say that callers
    /// without credentials are let in. Otherwise a token for a single repository would open all
    /// others of its owner to whoever knows a digest.
    ///
    /// Time is not to tell whether somebody has a blob whom the caller may not ask. So the records
    /// that are read, and the questions to the policy, are as many wherever it is: where too few
    /// repositories have it, its place in the target is looked at as often instead.
    pub(super) async fn pulls_from_any(
        &self,
        caller: &Caller,
        digest: &Digest,
        target: &Target<'_>,
    ) -> Result<bool, RegistryError> {
        let candidates = self.candidates(caller, digest, target).await?;
        let (questions, has_it): (Vec<Question>, Vec<bool>) = candidates
            .into_iter()
            .map(|candidate| (candidate.question, candidate.has_it.is_some()))
            .unzip();
        let everybody = self.settings.public_mounts.then(Caller::anonymous);
        for who in iter::once(caller).chain(&everybody) {
            let allowed = self.allowed(who, &questions).await?;
            if allowed.into_iter().zip(&has_it).any(|(allowed, has_it)| allowed && *has_it) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// First the target and what the token names, which may well be past the first that have the
    /// blob, and then others that have it.
    async fn candidates(
        &self,
        caller: &Caller,
        digest: &Digest,
        target: &Target<'_>,
    ) -> Result<Vec<Candidate>, RegistryError> {
        let named: BTreeSet<&RepositoryName> = caller.scope.named_for(Action::Pull).collect();
        let named = named.into_iter().filter(|name| *name != target.name);
        let named = iter::once(target.name).chain(named).take(CANDIDATES);
        let named: Vec<RepositoryName> = named.cloned().collect();
        let mut candidates: Vec<Candidate> = stream::iter(named)
            .map(|name| self.named(digest, name, target))
            .buffered(CANDIDATES)
            .try_collect()
            .await?;
        let known: Vec<_> = candidates.iter().filter_map(|named| named.has_it.clone()).collect();
        let mut others = self.linked(digest).await?;
        others.retain(|id| !known.contains(id));
        others.resize(CANDIDATES - candidates.len(), target.repository.id.clone());
        let others = stream::iter(others).map(|id| self.other(digest, id, target));
        let others: Vec<_> = others.buffered(CANDIDATES).try_collect().await?;
        candidates.extend(others);
        Ok(candidates)
    }

    /// Some of the repositories that have a blob.
    async fn linked(&self, digest: &Digest) -> Result<Vec<RepositoryId>, RegistryError> {
        let prefix = RecordKey::links(digest);
        let range = KeyRange { limit: Some(CANDIDATES), ..KeyRange::all(prefix.clone()) };
        let links = self.records.list(range).take(CANDIDATES);
        Ok(links.try_filter_map(async |entry| Ok(entry.key.after(&prefix))).try_collect().await?)
    }

    /// A repository that the caller names.
    async fn named(
        &self,
        digest: &Digest,
        name: RepositoryName,
        target: &Target<'_>,
    ) -> Result<Candidate, RegistryError> {
        let repository = self.find(&name).await?;
        let id = repository.as_ref().map_or(&target.repository.id, |found| &found.id);
        let link = self.read::<LinkRecord>(&RecordKey::link(digest, id)).await?;
        let has_it = link.and(repository.as_ref()).map(|found| found.id.clone());
        let access = Access::repository(Action::Pull, &name);
        Ok(Candidate { question: Question::within(access, repository), has_it })
    }

    /// A repository that seems to have the blob.
    async fn other(
        &self,
        digest: &Digest,
        id: RepositoryId,
        target: &Target<'_>,
    ) -> Result<Candidate, RegistryError> {
        let link = self.read::<LinkRecord>(&RecordKey::link(digest, &id)).await?;
        // The name in a link is a hint: only the repository's own record counts.
        let name = link.as_ref().map_or(target.name, |link| &link.value.name);
        let repository = self.find(name).await?;
        let is_it = link.is_some() && repository.as_ref().is_some_and(|found| found.id == id);
        let access = Access::repository(Action::Pull, name);
        Ok(Candidate {
            question: Question::within(access, repository),
            has_it: is_it.then_some(id),
        })
    }
}
