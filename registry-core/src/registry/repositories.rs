//! From a repository's name to its record. Each use case looks it up once, asks the authorizer
//! with what it found, and goes on with the same.

use std::sync::Arc;

use super::{Inner, retry::ROUNDS};
use crate::{
    access::{Access, Action},
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::Question,
    record::{RecordKey, RepositoryId, RepositoryRecord, Visibility},
};

/// A repository that a caller may push to.
pub(super) struct PushTarget<'a> {
    pub(super) name: &'a RepositoryName,
    /// As it was looked up; `None` where it does not exist.
    pub(super) repository: Option<Arc<RepositoryRecord>>,
    may_create: bool,
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
        self.existing(caller, Action::Pull, name).await
    }

    /// The repository that a caller may push to, created where it does not exist.
    pub(super) async fn to_push(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<RepositoryId, RegistryError> {
        let target = self.push_target(caller, name).await?;
        self.enter(caller, &target).await
    }

    /// Goes on only if the caller may push; creates nothing.
    pub(super) async fn push_target<'a>(
        &self,
        caller: &Caller,
        name: &'a RepositoryName,
    ) -> Result<PushTarget<'a>, RegistryError> {
        let repository = self.find(name).await?;
        let access = Access::repository(Action::Push, name);
        let decision = self.authorize(caller, Question::within(access, repository.clone())).await?;
        Ok(PushTarget { name, repository, may_create: decision.create })
    }

    /// The repository of a push, created where it does not exist.
    pub(super) async fn enter(
        &self,
        caller: &Caller,
        target: &PushTarget<'_>,
    ) -> Result<RepositoryId, RegistryError> {
        if let Some(repository) = &target.repository {
            return Ok(repository.id.clone());
        }
        if !target.may_create {
            return Err(RegistryError::NameUnknown);
        }
        let key = RecordKey::repository(target.name);
        for _ in ROUNDS {
            let id = RepositoryId::new(&*self.random);
            let owner = caller.principal.owner();
            let record = RepositoryRecord::new(id.clone(), self.now(), owner, Visibility::Private);
            // Parallel layers of a first push race here; all but one find the winner's record.
            if self.create(&key, &record).await?.is_ok() {
                return Ok(id);
            }
            if let Some(winner) = self.find(target.name).await? {
                return Ok(winner.id.clone());
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
        let repository = self.existing(caller, Action::Push, name).await?;
        repository.ok_or(RegistryError::UploadUnknown)
    }

    /// The repository that a caller may delete from.
    pub(super) async fn to_delete(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<RepositoryId, RegistryError> {
        let repository = self.existing(caller, Action::Delete, name).await?;
        repository.ok_or(RegistryError::NameUnknown)
    }

    /// The repository in which a caller may do something, if it exists.
    async fn existing(
        &self,
        caller: &Caller,
        action: Action,
        name: &RepositoryName,
    ) -> Result<Option<RepositoryId>, RegistryError> {
        let repository = self.find(name).await?;
        let access = Access::repository(action, name);
        self.authorize(caller, Question::within(access, repository.clone())).await?;
        Ok(repository.map(|repository| repository.id.clone()))
    }
}
