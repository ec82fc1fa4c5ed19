//! A mount that names no source (distribution-spec, "Mounting a blob from another repository").

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use super::Target;
use crate::{
    access::{Access, Action},
    digest::Digest,
    error::RegistryError,
    identity::Caller,
    ports::{KeyRange, Question},
    record::{LinkRecord, RecordKey, RepositoryId, RepositoryRecord},
    registry::Inner,
};

/// How many repositories are looked at, whether or not so many have the blob.
const CANDIDATES: usize = 16;

/// A repository that has the blob, or else stands for one that has.
struct Candidate {
    question: Question,
    has_it: bool,
}

impl Inner {
    /// Whether a blob may be mounted from anywhere: from where the caller may pull, with this
    /// credential, and from where everybody may, who needs none. Otherwise a token for a single
    /// repository would open all others of its owner to whoever knows a digest.
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
        let candidates = self.candidates(digest, target).await?;
        let (questions, has_it): (Vec<Question>, Vec<bool>) =
            candidates.into_iter().map(|candidate| (candidate.question, candidate.has_it)).unzip();
        for who in [caller, &Caller::anonymous()] {
            let allowed = self.allowed(who, &questions).await?;
            if allowed.into_iter().zip(&has_it).any(|(allowed, has_it)| allowed && *has_it) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn candidates(
        &self,
        digest: &Digest,
        target: &Target<'_>,
    ) -> Result<Vec<Candidate>, RegistryError> {
        let prefix = RecordKey::links(digest);
        let range = KeyRange { limit: Some(CANDIDATES), ..KeyRange::all(prefix.clone()) };
        let links = self.records.list(range).take(CANDIDATES);
        let mut ids: Vec<RepositoryId> =
            links.try_filter_map(async |entry| Ok(entry.key.after(&prefix))).try_collect().await?;
        ids.resize(CANDIDATES, target.repository.id.clone());
        stream::iter(ids)
            .map(|id| self.candidate(digest, id, target))
            .buffered(CANDIDATES)
            .try_collect()
            .await
    }

    async fn candidate(
        &self,
        digest: &Digest,
        id: RepositoryId,
        target: &Target<'_>,
    ) -> Result<Candidate, RegistryError> {
        let link = self.read::<LinkRecord>(&RecordKey::link(digest, &id)).await?;
        // The name in a link is a hint: only the repository's own record counts.
        let name = link.as_ref().map_or(target.name, |link| &link.value.name);
        let repository = self.find(name).await?;
        let is_it = |found: &Arc<RepositoryRecord>| found.id == id;
        let has_it = link.is_some() && repository.as_ref().is_some_and(is_it);
        let access = Access::repository(Action::Pull, name);
        Ok(Candidate { question: Question::within(access, repository), has_it })
    }
}
