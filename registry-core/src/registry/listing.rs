//! Pages of keys.

use std::str::FromStr;

use futures::{StreamExt, TryStreamExt, stream};

use super::Inner;
use crate::{
    error::RegistryError,
    page::Page,
    ports::{KeyRange, Listing, StoreError, StoreErrorKind},
    record::RecordKey,
};

impl Inner {
    /// What the keys below a prefix end in: a page of it, or all, streamed.
    pub(super) async fn list<T>(
        &self,
        prefix: String,
        page: &Page,
    ) -> Result<Listing<T>, RegistryError>
    where
        T: FromStr + ToString + Send + 'static,
    {
        if page.n == Some(0) {
            // distribution-spec, "Listing Tags": an empty list and no Link.
            return Ok(Listing::new(stream::empty().boxed(), None));
        }
        let after = page.last.clone();
        // One more than asked for tells whether there is a next page.
        let limit = page.n.map(|n| n + 1);
        let range = KeyRange { prefix: prefix.clone(), after, limit };
        let entries = self.records.list(range).map(move |entry| name_of(&entry?.key, &prefix));
        let Some(n) = page.n else { return Ok(Listing::new(entries.boxed(), None)) };
        let mut names: Vec<T> = entries.take(n + 1).try_collect().await?;
        let more = names.len() > n;
        names.truncate(n);
        let next = names.last().filter(|_| more).map(ToString::to_string);
        Ok(Listing::new(stream::iter(names.into_iter().map(Ok)).boxed(), next))
    }
}

/// A key that does not parse was not written by this program: nothing is left out in silence.
fn name_of<T: FromStr>(key: &RecordKey, prefix: &str) -> Result<T, RegistryError> {
    key.after(prefix).ok_or_else(|| StoreError::new(StoreErrorKind::Corrupt).into())
}
