//! Listing referrers (end-12a, end-12b).

use futures::{StreamExt, TryStreamExt, stream};

use super::{Inner, store::Stored};
use crate::{
    descriptor::Descriptor,
    digest::Digest,
    error::RegistryError,
    identity::Caller,
    manifest::Manifest,
    name::RepositoryName,
    ports::{KeyRange, Listing, ReferrerOptions},
    record::{RecordKey, ReferrerRecord, RepositoryId},
};

/// What an index needs besides its descriptors, in bytes, generously.
const ENVELOPE: usize = 1 << 10;

impl Inner {
    /// A page's descriptors fit a manifest, for the client reads the list as one.
    pub(super) async fn pull_referrers(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        subject: &Digest,
        options: &ReferrerOptions,
    ) -> Result<Listing<Descriptor>, RegistryError> {
        let Some(repository) = self.to_pull(caller, name).await? else {
            return Ok(Listing::new(stream::empty().boxed(), None));
        };
        let prefix = RecordKey::referrers(&repository, subject);
        let after = options.page.last.clone();
        let mut entries = self.records.list(KeyRange { prefix, after, limit: options.page.n });
        let mut page: Vec<Descriptor> = Vec::new();
        let mut room = Manifest::MAX_SIZE - ENVELOPE;
        let most = options.page.n.unwrap_or(usize::MAX);
        let mut next = None;
        while most > 0
            && let Some(entry) = entries.try_next().await?
        {
            let referrer = match entry.record {
                Some((version, record)) => Some(Stored::decode(version, &record)?),
                None => self.read(&entry.key).await?,
            };
            let Some(descriptor) = self.listed(&repository, referrer, options).await? else {
                continue;
            };
            let size = size_of(&descriptor);
            // A page has one entry at least, or it would never end.
            if page.len() == most || (size > room && !page.is_empty()) {
                next = page.last().map(|descriptor| descriptor.digest.to_string());
                break;
            }
            room = room.saturating_sub(size);
            page.push(descriptor);
        }
        Ok(Listing::new(stream::iter(page.into_iter().map(Ok)).boxed(), next))
    }

    /// The descriptor, if it is asked for and its manifest is there.
    async fn listed(
        &self,
        repository: &RepositoryId,
        referrer: Option<Stored<ReferrerRecord>>,
        options: &ReferrerOptions,
    ) -> Result<Option<Descriptor>, RegistryError> {
        let Some(referrer) = referrer.map(|referrer| referrer.value) else { return Ok(None) };
        let ReferrerRecord { descriptor, incarnation } = &*referrer;
        let wanted = options.artifact_type.as_ref();
        if wanted.is_some() && descriptor.artifact_type.as_ref() != wanted {
            return Ok(None);
        }
        let manifest = self.visible_manifest(repository, &descriptor.digest).await?;
        let there = manifest.is_some_and(|manifest| manifest.incarnation == *incarnation);
        Ok(there.then(|| descriptor.clone()))
    }
}

/// The size of a descriptor in JSON, in bytes, with its comma.
fn size_of(descriptor: &Descriptor) -> usize {
    serde_json::to_vec(descriptor).map_or(usize::MAX, |json| json.len() + 1)
}
