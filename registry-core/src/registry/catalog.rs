//! Listing repositories (`_catalog`).

use futures::{StreamExt, TryStreamExt, stream};

use super::{Inner, Registry};
use crate::{
    access::{Access, Action, Scope},
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    page::Page,
    ports::{Listing, Question},
    record::RecordKey,
};

/// How many names the authorizer is asked about at once.
const BATCH: usize = 100;

impl Registry {
    /// The names that the caller may pull from; the others are left out without a trace.
    pub(super) async fn pull_catalog(
        &self,
        caller: &Caller,
        page: &Page,
    ) -> Result<Listing<RepositoryName>, RegistryError> {
        self.0.authorize(caller, Question::new(Access::registry(Action::Catalog))).await?;
        let all = Page { n: page.n.filter(|n| *n == 0), last: page.last.clone() };
        let all = self.0.list(RecordKey::repositories(), &all).await?.entries;
        let (inner, caller) = (self.0.clone(), caller.clone());
        let visible = all
            .try_chunks(BATCH)
            .map_err(|error| error.1)
            .and_then(move |names| {
                let (inner, caller) = (inner.clone(), caller.clone());
                async move { inner.visible(&caller, names).await }
            })
            .try_flatten();
        let Some(n) = page.n else { return Ok(Listing::new(visible.boxed(), None)) };
        let mut names: Vec<RepositoryName> = visible.take(n + 1).try_collect().await?;
        let more = names.len() > n;
        names.truncate(n);
        let next = names.last().filter(|_| more).map(ToString::to_string);
        Ok(Listing::new(stream::iter(names.into_iter().map(Ok)).boxed(), next))
    }
}

impl Inner {
    async fn visible(
        &self,
        caller: &Caller,
        names: Vec<RepositoryName>,
    ) -> Result<
        impl futures::Stream<Item = Result<RepositoryName, RegistryError>> + use<>,
        RegistryError,
    > {
        let mut questions = Vec::with_capacity(names.len());
        for name in &names {
            let access = Access::repository(Action::Pull, name);
            questions.push(Question::within(access, self.find(name).await?));
        }
        // Whoever may list, by a token for that too, sees what its principal may pull.
        let caller = caller.clone().with_scope(Scope::Full);
        let allowed = self.allowed(&caller, &questions).await?;
        let visible = names.into_iter().zip(allowed).filter(|(_, allowed)| *allowed);
        Ok(stream::iter(visible.map(|(name, _)| Ok(name)).collect::<Vec<_>>()))
    }
}
