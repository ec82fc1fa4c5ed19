//! What those see and change of repositories who look after them.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};

use crate::{
    access::{Access, Action},
    error::RegistryError,
    identity::{Caller, Principal},
    name::RepositoryName,
    page::Page,
    ports::{AuditAction, Listing, Question},
    record::{RecordKey, RepositoryRecord, Visibility},
    registry::{Inner, Registry, retry::ROUNDS, store::Stored},
};

/// A repository, as those see it who look after the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepositoryStatus {
    /// What it is called.
    pub name: RepositoryName,
    /// Its id, who owns it, and who may see it.
    pub record: Arc<RepositoryRecord>,
}

/// What is to become of a repository. What is not said stays.
#[derive(Clone, Debug, Default)]
pub struct RepositoryChange {
    owner: Option<String>,
    visibility: Option<Visibility>,
}

impl RepositoryChange {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// It belongs to this principal, or to nobody where that is anonymous.
    #[must_use]
    pub fn owned_by(self, principal: &Principal) -> Self {
        Self { owner: Some(principal.owner()), ..self }
    }

    /// It is to be seen by these.
    #[must_use]
    pub fn visible_to(self, visibility: Visibility) -> Self {
        Self { visibility: Some(visibility), ..self }
    }

    fn applied_to(&self, record: &RepositoryRecord) -> RepositoryRecord {
        RepositoryRecord {
            owner: self.owner.clone().unwrap_or_else(|| record.owner.clone()),
            visibility: self.visibility.unwrap_or(record.visibility),
            ..record.clone()
        }
    }
}

impl Registry {
    /// All repositories, in the order of their names, whoever may pull from them.
    ///
    /// # Errors
    /// [`RegistryError::Denied`] for whoever does not look after the registry as a whole
    /// ([`Action::Admin`]).
    pub async fn all_repositories(
        &self,
        caller: &Caller,
        page: &Page,
    ) -> Result<Listing<RepositoryStatus>, RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Admin, || "repositories".to_owned());
        let question = Question::new(Access::registry(Action::Admin));
        trail.refusal(self.0.authorize(trail.caller(caller), question)).await?;
        let names = self.0.list::<RepositoryName>(RecordKey::repositories(), page).await?;
        let inner = Arc::clone(&self.0);
        let entries = names.entries.try_filter_map(move |name| {
            let inner = Arc::clone(&inner);
            async move {
                let record = inner.find(&name).await?;
                Ok(record.map(|record| RepositoryStatus { name, record }))
            }
        });
        Ok(Listing::new(entries.boxed(), names.next))
    }

    /// Changes who owns a repository and who may see it, and gives what it is then.
    ///
    /// It takes [`Action::Admin`] in the repository. An owner has that where the policy gives it to
    /// owners: that one owns something allows nothing by itself.
    ///
    /// # Errors
    /// [`RegistryError::Denied`], [`RegistryError::NameUnknown`].
    pub async fn change_repository(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        change: &RepositoryChange,
    ) -> Result<Arc<RepositoryRecord>, RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Admin, || name.to_string());
        let (inner, caller) = (self.0.clone(), trail.caller(caller).clone());
        let (name, change) = (name.clone(), change.clone());
        self.detached(async move { trail.end(inner.change(&caller, &name, &change)).await }).await
    }

    /// What this registry asks its authorizer of an access: with the repository as it is now. For a
    /// program that explains a policy. It asks nobody whether it may, so what it gives is not for
    /// clients.
    ///
    /// # Errors
    /// [`RegistryError::Storage`].
    pub async fn question(&self, access: Access) -> Result<Question, RegistryError> {
        let repository = match access.resource.repository() {
            Some(name) => self.0.find(name).await?,
            None => None,
        };
        Ok(Question::within(access, repository))
    }
}

impl Inner {
    async fn change(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        change: &RepositoryChange,
    ) -> Result<Arc<RepositoryRecord>, RegistryError> {
        let key = RecordKey::repository(name);
        for _ in ROUNDS {
            // Asked anew in each round: somebody else may have become its owner.
            let found = self.read::<RepositoryRecord>(&key).await?;
            let repository = found.as_ref().map(|found| Arc::clone(&found.value));
            let access = Access::repository(Action::Admin, name);
            self.authorize(caller, Question::within(access, repository)).await?;
            let Some(Stored { value, version }) = found else {
                return Err(RegistryError::NameUnknown);
            };
            let changed = change.applied_to(&value);
            if changed == *value {
                return Ok(value);
            }
            if self.swap(&key, &changed, &version).await?.is_ok() {
                return Ok(Arc::new(changed));
            }
        }
        Err(RegistryError::Busy)
    }
}
