//! Listing tags (end-8a, end-8b).

use super::Inner;
use crate::{
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    page::Page,
    ports::{Fetched, Listing},
    record::RecordKey,
    tag::Tag,
};

impl Inner {
    /// The keys tell the tags. A tag whose manifest's deletion was cut short by a crash is listed
    /// until it is swept, though it resolves to nothing: looking at each tag's manifest would make
    /// one read of each entry.
    pub(super) async fn pull_tags(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        page: &Page,
    ) -> Result<Fetched<Listing<Tag>>, RegistryError> {
        let Some(repository) = self.to_pull(caller, name).await? else {
            return Ok(Fetched::RepositoryUnknown);
        };
        Ok(Fetched::Found(self.list(RecordKey::tags(&repository), page).await?))
    }
}
