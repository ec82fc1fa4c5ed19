//! From a repository's name to its record. Each use case looks it up once, asks the authorizer
//! with what it found, and goes on with the same.

mod admin;

use std::sync::Arc;

pub use admin::{RepositoryChange, RepositoryStatus};

use super::{Inner, retry::ROUNDS, store::Stored};
use crate::{
    access::{Access, Action},
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::{Decision, Question, Version},
    record::{RecordKey, RepositoryId, RepositoryRecord},
};

/// A repository that a caller may push to.
pub(super) struct PushTarget<'a> {
    pub(super) name: &'a RepositoryName,
    /// As it was when that was decided; `None` where it did not exist.
    found: Option<Stored<RepositoryRecord>>,
    may_create: bool,
    claims: bool,
}

impl PushTarget<'_> {
    /// The repository, if it exists.
    pub(super) fn repository(&self) -> Option<&Arc<RepositoryRecord>> {
        self.found.as_ref().map(|found| &found.value)
    }

    /// The version of it that was decided on.
    pub(super) fn version(&self) -> Option<Version> {
        self.found.as_ref().map(|found| found.version.clone())
    }
}

impl Inner {
    pub(super) async fn find(
        &self,
        name: &RepositoryName,
    ) -> Result<Option<Arc<RepositoryRecord>>, RegistryError> {
        let record = self.read::<RepositoryRecord>(&RecordKey::repository(name)).await?;
        Ok(record.map(|record| record.value))
    }

    /// The repository that a caller may pull from.
    pub(super) async fn to_pull(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<Option<RepositoryId>, RegistryError> {
        let repository =
            self.existing(caller, Access::repository(Action::Pull, name), name).await?;
        Ok(repository.map(|repository| repository.id.clone()))
    }

    /// The repository that a caller may push to, created or claimed where the policy says so.
    pub(super) async fn to_push(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<RepositoryId, RegistryError> {
        let mut target = self.push_target(caller, name).await?;
        Ok(self.enter(caller, &mut target).await?.id.clone())
    }

    /// Goes on only if the caller may push; creates nothing.
    pub(super) async fn push_target<'a>(
        &self,
        caller: &Caller,
        name: &'a RepositoryName,
    ) -> Result<PushTarget<'a>, RegistryError> {
        let found = self.read::<RepositoryRecord>(&RecordKey::repository(name)).await?;
        let repository = found.as_ref().map(|found| Arc::clone(&found.value));
        let access = Access::repository(Action::Push, name);
        let decision = self.authorize(caller, Question::within(access, repository)).await?;
        let Decision { create: may_create, claim: claims, .. } = decision;
        Ok(PushTarget { name, found, may_create, claims })
    }

    /// The repository of a push, which is the caller's from now on where nobody owned it and the
    /// policy says so.
    ///
    /// What was decided holds for the repository as it was then: where somebody else has changed it
    /// since, as parallel layers of a first push do, all but one are asked again of what they find.
    pub(super) async fn enter(
        &self,
        caller: &Caller,
        target: &mut PushTarget<'_>,
    ) -> Result<Arc<RepositoryRecord>, RegistryError> {
        let key = RecordKey::repository(target.name);
        for _ in ROUNDS {
            let owner = caller.principal.owner();
            let record = match &target.found {
                None if !target.may_create => return Err(RegistryError::NameUnknown),
                None => {
                    let id = RepositoryId::new(&*self.random);
                    let visibility = self.settings.default_visibility;
                    RepositoryRecord::new(id, self.now(), owner, visibility)
                }
                Some(Stored { value, .. }) => {
                    if !target.claims || owner.is_empty() || !value.owner.is_empty() {
                        return Ok(Arc::clone(value));
                    }
                    RepositoryRecord { owner, ..(**value).clone() }
                }
            };
            match self.replace(&key, &record, target.found.as_ref()).await? {
                Ok(version) => {
                    let value = Arc::new(record);
                    target.found = Some(Stored { value: Arc::clone(&value), version });
                    return Ok(value);
                }
                Err(_) => *target = self.push_target(caller, target.name).await?,
            }
        }
        Err(RegistryError::Busy)
    }

    /// The repository of an upload that a caller may push to; one that does not exist has none.
    pub(super) async fn to_go_on(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<RepositoryId, RegistryError> {
        let repository =
            self.existing(caller, Access::repository(Action::Push, name), name).await?;
        repository.map(|found| found.id.clone()).ok_or(RegistryError::UploadUnknown)
    }

    /// The repository that a caller may delete from.
    pub(super) async fn to_delete(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<RepositoryId, RegistryError> {
        let access = Access::repository(Action::Delete, name);
        Ok(self.deletes(caller, access, name).await?.id.clone())
    }

    /// The repository in which a caller may delete this.
    pub(super) async fn deletes(
        &self,
        caller: &Caller,
        access: Access,
        name: &RepositoryName,
    ) -> Result<Arc<RepositoryRecord>, RegistryError> {
        let repository = self.existing(caller, access, name).await?;
        repository.ok_or(RegistryError::NameUnknown)
    }

    /// The repository in which a caller may do something, if it exists.
    async fn existing(
        &self,
        caller: &Caller,
        access: Access,
        name: &RepositoryName,
    ) -> Result<Option<Arc<RepositoryRecord>>, RegistryError> {
        let repository = self.find(name).await?;
        self.authorize(caller, Question::within(access, repository.clone())).await?;
        Ok(repository)
    }
}
