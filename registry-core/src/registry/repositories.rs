//! From a repository's name to its id.

use super::{Inner, retry::ROUNDS};
use crate::{
    access::{Access, Action},
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    record::{RecordKey, RepositoryId, RepositoryRecord, Visibility},
};

impl Inner {
    pub(super) async fn resolve(
        &self,
        name: &RepositoryName,
    ) -> Result<Option<RepositoryId>, RegistryError> {
        let record = self.read::<RepositoryRecord>(&RecordKey::repository(name)).await?;
        Ok(record.map(|record| record.value.id.clone()))
    }

    /// The repository that a caller may pull from.
    pub(super) async fn to_pull(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<Option<RepositoryId>, RegistryError> {
        self.authorize(caller, Access::repository(Action::Pull, name)).await?;
        self.resolve(name).await
    }

    /// The repository that a caller may push to, created where it does not exist.
    pub(super) async fn to_push(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<RepositoryId, RegistryError> {
        let may_create = self.may_push(caller, name).await?;
        self.resolve_or_create(caller, name, may_create).await
    }

    /// Goes on only if the caller may push; says whether that may create the repository.
    pub(super) async fn may_push(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<bool, RegistryError> {
        Ok(self.authorize(caller, Access::repository(Action::Push, name)).await?.create)
    }

    pub(super) async fn resolve_or_create(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        may_create: bool,
    ) -> Result<RepositoryId, RegistryError> {
        let key = RecordKey::repository(name);
        for _ in ROUNDS {
            if let Some(id) = self.resolve(name).await? {
                return Ok(id);
            }
            if !may_create {
                return Err(RegistryError::NameUnknown);
            }
            let id = RepositoryId::new(&*self.random);
            let owner = caller.principal.owner();
            let record = RepositoryRecord::new(id.clone(), self.now(), owner, Visibility::Private);
            // Parallel layers of a first push race here; all but one find the winner's record.
            if self.create(&key, &record).await?.is_ok() {
                return Ok(id);
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
        self.authorize(caller, Access::repository(Action::Push, name)).await?;
        self.resolve(name).await?.ok_or(RegistryError::UploadUnknown)
    }

    /// The repository that a caller may delete from.
    pub(super) async fn to_delete(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<RepositoryId, RegistryError> {
        self.authorize(caller, Access::repository(Action::Delete, name)).await?;
        self.resolve(name).await?.ok_or(RegistryError::NameUnknown)
    }
}
