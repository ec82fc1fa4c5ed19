//! Keys are made and revoked.

use std::sync::Arc;

use registry_core::{
    ports::{Expect, StoreError},
    record::{Nonce, RecordKey, Timestamp},
};

use super::{
    Accounts, AccountsError, CreatedKey, Key, KeyId, KeyList, KeyOwner, NewKey, SecretKind,
    corrupt::unless_corrupt,
    key::KeyRecord,
    owner::OwnerRecord,
    records::{ROUNDS, Read, is_corrupt, prefix},
    secret::SecretHash,
};

impl Accounts {
    /// Makes a key.
    ///
    /// # Errors
    /// `NotFound` where its owner is a user that is not there, `Description`, `Expired`,
    /// `RunnerLifetime`, `TooManyKeys`, `Busy`, `Store`.
    pub async fn create_key(&self, new: NewKey) -> Result<CreatedKey, AccountsError> {
        let created = self.now();
        let expires = new.expires.map(Timestamp::from);
        if !new.is_described() {
            return Err(AccountsError::Description);
        }
        if expires.is_some_and(|expires| expires <= created) {
            return Err(AccountsError::Expired);
        }
        let latest = created.plus(Key::RUNNER_LIFETIME);
        if matches!(new.owner, KeyOwner::Runner(_)) && expires.is_none_or(|at| latest < at) {
            return Err(AccountsError::RunnerLifetime);
        }
        let _changing = self.0.changing.lock().await;
        let secret = new.owner.secret_kind().key(&*self.0.random);
        let hash = SecretHash::of(&secret);
        let owner_id = self.note_key(&new.owner, hash.id()).await?;
        let record = KeyRecord {
            hash,
            owner: new.owner,
            owner_id,
            description: new.description,
            created,
            expires,
            revoked: None,
        };
        // Another key of the same id, which are 64 bits, would be there for a reason.
        if !self.0.records.write(&hash.id().record_key(), &record, Expect::Absent).await? {
            return Err(AccountsError::Busy);
        }
        Ok(CreatedKey { key: Key::of(&record), secret })
    }

    /// Every key, those included that are not good any more and were not swept yet. A record that is
    /// none hides no other.
    ///
    /// # Errors
    /// `Store`.
    pub async fn keys(&self) -> Result<KeyList, AccountsError> {
        let mut list = KeyList::default();
        for (key, record) in self.0.records.all::<KeyRecord>(&prefix("key")).await? {
            match record {
                Ok(record) if record.hash.id().record_key() == key => {
                    list.keys.push(Key::of(&record));
                }
                _ => list.corrupt.push(key),
            }
        }
        Ok(list)
    }

    /// Revokes a key, which is refused from then on. One that is revoked stays so, since the first
    /// time. Of one whose record cannot be read, the record is deleted.
    ///
    /// # Errors
    /// `NotFound`, `Busy`, `Store`; `Corrupt` where the store itself cannot read the record.
    pub async fn revoke_key(&self, id: &KeyId) -> Result<(), AccountsError> {
        let (now, record_key) = (self.now(), id.record_key());
        let revoke = |key: &mut KeyRecord| key.revoked = key.revoked.or(Some(now));
        match self.0.records.change(&record_key, revoke).await {
            Err(AccountsError::Store(error)) if is_corrupt(&error) => {
                self.remove_unread(&record_key).await
            }
            revoked => revoked.map(drop),
        }
    }

    pub(super) async fn read_key(&self, id: KeyId) -> Result<Option<Arc<KeyRecord>>, StoreError> {
        Ok(self.0.records.read(&id.record_key()).await?.map(|key| key.value))
    }

    /// Notes that an owner has this key, before it is made, and gives the owner's id.
    async fn note_key(&self, owner: &KeyOwner, id: KeyId) -> Result<Nonce, AccountsError> {
        let record_key = owner.record_key();
        for _ in ROUNDS {
            let found = self.0.records.read::<OwnerRecord>(&record_key).await?;
            let (mut record, expect) = self.owner_of_today(owner, found).await?;
            if record.keys.len() >= Key::MAX_PER_OWNER {
                self.sweep_keys(&mut record.keys).await?;
            }
            record.keys.push(id);
            if self.0.records.write(&record_key, &record, expect).await? {
                return Ok(record.id);
            }
        }
        Err(AccountsError::Busy)
    }

    /// What is kept of an owner, or what is to be kept of a new one.
    async fn owner_of_today(
        &self,
        owner: &KeyOwner,
        found: Option<Read<OwnerRecord>>,
    ) -> Result<(OwnerRecord, Expect), AccountsError> {
        let id = match owner {
            KeyOwner::User(name) => {
                let user = self.read_user(name).await?.ok_or(AccountsError::NotFound)?;
                Some(user.incarnation)
            }
            KeyOwner::Project(_) | KeyOwner::Runner(_) => None,
        };
        let new = |id| OwnerRecord { id, keys: Vec::new() };
        Ok(match (found, id) {
            (Some(read), Some(id)) if read.value.id != id => {
                // Those of a user of the same name, which was removed and left them behind.
                self.delete_keys(&read.value.keys).await?;
                (new(id), Expect::Version(read.version))
            }
            (Some(read), _) => (OwnerRecord::clone(&read.value), Expect::Version(read.version)),
            (None, id) => (new(id.unwrap_or_else(|| self.nonce())), Expect::Absent),
        })
    }

    /// Makes room among an owner's keys: those that are not good any more are deleted.
    async fn sweep_keys(&self, ids: &mut Vec<KeyId>) -> Result<(), AccountsError> {
        let now = self.now();
        let (mut good, mut over) = (Vec::new(), Vec::new());
        for id in ids.drain(..) {
            match unless_corrupt(self.read_key(id).await)? {
                Some(key) if key.is_over(now).is_none() => good.push(id),
                _ => over.push(id),
            }
        }
        *ids = good;
        if ids.len() >= Key::MAX_PER_OWNER {
            return Err(AccountsError::TooManyKeys);
        }
        self.delete_keys(&over).await
    }

    /// Deletes the keys of an owner that is gone.
    pub(super) async fn forget_keys(
        &self,
        owner: &KeyOwner,
        owner_id: Nonce,
    ) -> Result<(), AccountsError> {
        let record_key = owner.record_key();
        let Some(read) = self.0.records.read::<OwnerRecord>(&record_key).await? else {
            return Ok(());
        };
        if read.value.id == owner_id {
            self.delete_keys(&read.value.keys).await?;
            // A conflict is another owner by now.
            self.0.records.delete(&record_key, &read.version).await?;
        }
        Ok(())
    }

    async fn delete_keys(&self, ids: &[KeyId]) -> Result<(), AccountsError> {
        for id in ids {
            self.forget::<KeyRecord>(&id.record_key()).await?;
        }
        Ok(())
    }

    /// Deletes a record that may be gone. One that the store cannot read is worthless as it is, and
    /// keeps nobody from the others.
    pub(super) async fn forget<T: registry_core::record::Typed>(
        &self,
        key: &RecordKey,
    ) -> Result<(), AccountsError> {
        match self.0.records.remove::<T>(key).await {
            Ok(_) | Err(AccountsError::NotFound) => Ok(()),
            Err(AccountsError::Store(error)) if is_corrupt(&error) => {
                match self.remove_unread(key).await {
                    Ok(()) | Err(AccountsError::NotFound | AccountsError::Corrupt { .. }) => Ok(()),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }
}

impl KeyOwner {
    const fn secret_kind(&self) -> SecretKind {
        match self {
            Self::User(_) => SecretKind::UserKey,
            Self::Project(_) => SecretKind::ProjectKey,
            Self::Runner(_) => SecretKind::RunnerToken,
        }
    }
}
