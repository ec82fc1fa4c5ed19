//! Users are added, changed and removed.

use std::{collections::BTreeSet, sync::Arc};

use registry_core::{
    credentials::Secret,
    ports::{AuthenticationError, Expect},
    record::{Nonce, RecordKey, Timestamp},
};

use super::{
    Accounts, AccountsError, GroupName, KeyOwner, User, UserList, UserName, password,
    records::{is_corrupt, key, prefix},
    user::UserRecord,
};
use crate::passwords::{Scratch, Standing};

impl Accounts {
    /// Adds a user.
    ///
    /// # Errors
    /// `Exists`, `Password`, `TooManyGroups`, `Hash`, `Store`.
    pub async fn add_user(
        &self,
        name: &UserName,
        password: &Secret,
        groups: &[GroupName],
    ) -> Result<(), AccountsError> {
        let groups = sorted(groups)?;
        if self.read_user(name).await?.is_some() {
            return Err(AccountsError::Exists);
        }
        let record = UserRecord {
            incarnation: self.nonce(),
            login: self.nonce(),
            password: self.hash(password).await?,
            groups,
            disabled: false,
            created: self.now(),
        };
        let added = self.0.records.write(&user_key(name), &record, Expect::Absent).await?;
        if added { Ok(()) } else { Err(AccountsError::Exists) }
    }

    /// Every user, in the order of their names. A record that is none hides no other.
    ///
    /// # Errors
    /// `Store`.
    pub async fn users(&self) -> Result<UserList, AccountsError> {
        let prefix = prefix("user");
        let mut list = UserList::default();
        for (key, record) in self.0.records.all::<UserRecord>(&prefix).await? {
            match (key.after::<UserName>(&prefix), record) {
                (Some(name), Ok(record)) => list.users.push(User::of(name, &record)),
                _ => list.corrupt.push(key),
            }
        }
        Ok(list)
    }

    /// A user.
    ///
    /// # Errors
    /// `Store`.
    pub async fn user(&self, name: &UserName) -> Result<Option<User>, AccountsError> {
        let record = self.read_user(name).await?;
        Ok(record.map(|record| User::of(name.clone(), &record)))
    }

    /// Gives a user another password. Its refresh tokens are worthless from then on, its keys stay
    /// as they are.
    ///
    /// # Errors
    /// `NotFound`, `Password`, `Hash`, `Busy`, `Store`.
    pub async fn set_password(
        &self,
        name: &UserName,
        password: &Secret,
    ) -> Result<(), AccountsError> {
        if self.read_user(name).await?.is_none() {
            return Err(AccountsError::NotFound);
        }
        let (hash, login) = (self.hash(password).await?, self.nonce());
        let change = |user: &mut UserRecord| {
            user.password.clone_from(&hash);
            user.login = login;
        };
        let old = self.change_user(name, change).await?;
        self.forget_login(old.login).await
    }

    /// Disables a user, or lets it in again. While it is disabled it is refused, by password as by
    /// key; its refresh tokens are worthless for good.
    ///
    /// # Errors
    /// `NotFound`, `Busy`, `Store`.
    pub async fn set_disabled(&self, name: &UserName, disabled: bool) -> Result<(), AccountsError> {
        let login = self.nonce();
        let change = |user: &mut UserRecord| {
            user.disabled = disabled;
            if disabled {
                user.login = login;
            }
        };
        let old = self.change_user(name, change).await?;
        if disabled { self.forget_login(old.login).await } else { Ok(()) }
    }

    /// Makes a user's refresh tokens worthless: who is logged in with one has to log in again.
    ///
    /// # Errors
    /// `NotFound`, `Busy`, `Store`.
    pub async fn revoke_refresh_tokens(&self, name: &UserName) -> Result<(), AccountsError> {
        let login = self.nonce();
        let old = self.change_user(name, |user| user.login = login).await?;
        self.forget_login(old.login).await
    }

    /// Makes a user a member of these groups and of no others.
    ///
    /// # Errors
    /// `NotFound`, `TooManyGroups`, `Busy`, `Store`.
    pub async fn set_groups(
        &self,
        name: &UserName,
        groups: &[GroupName],
    ) -> Result<(), AccountsError> {
        let groups = sorted(groups)?;
        self.change_user(name, |user| user.groups.clone_from(&groups)).await.map(drop)
    }

    /// Removes a user with its keys and refresh tokens, which are worthless from the first moment:
    /// also those that are still there where the store fails, or the record does not say which they
    /// are.
    ///
    /// # Errors
    /// `NotFound`, `Busy`, `Store`; `Corrupt` where the store itself cannot read the record.
    pub async fn remove_user(&self, name: &UserName) -> Result<(), AccountsError> {
        let _changing = self.0.changing.lock().await;
        let old = match self.0.records.remove::<UserRecord>(&user_key(name)).await {
            Err(AccountsError::Store(error)) if is_corrupt(&error) => {
                return self.remove_unread(&user_key(name)).await;
            }
            removed => removed?,
        };
        self.forget_login(old.login).await?;
        self.forget_keys(&KeyOwner::User(name.clone()), old.incarnation).await
    }

    pub(super) async fn read_user(
        &self,
        name: &UserName,
    ) -> Result<Option<Arc<UserRecord>>, AccountsError> {
        Ok(self.0.records.read(&user_key(name)).await?.map(|user| user.value))
    }

    async fn change_user(
        &self,
        name: &UserName,
        change: impl Fn(&mut UserRecord) + Send + Sync,
    ) -> Result<Arc<UserRecord>, AccountsError> {
        let _changing = self.0.changing.lock().await;
        self.0.records.change(&user_key(name), change).await
    }

    /// The hash of a new password, computed before those that somebody may be guessing.
    async fn hash(&self, password: &Secret) -> Result<String, AccountsError> {
        password::check(password)?;
        let (cost, password) = (self.0.cost.clone(), password.clone());
        let random = Arc::clone(&self.0.random);
        let hash = move |scratch: &mut Scratch| cost.hash(&password, &*random, scratch);
        match self.turns().compute(Standing::COMMAND, &*self.0.clock, hash).await {
            Ok(hash) => hash.ok_or(AccountsError::Hash),
            Err(AuthenticationError::Throttled { .. }) => Err(AccountsError::Busy),
            Err(_) => Err(AccountsError::Hash),
        }
    }

    pub(super) fn nonce(&self) -> Nonce {
        Nonce::new(&*self.0.random)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.clock.now().into()
    }
}

fn user_key(name: &UserName) -> RecordKey {
    key("user", name.as_str())
}

fn sorted(groups: &[GroupName]) -> Result<Vec<GroupName>, AccountsError> {
    let groups: BTreeSet<_> = groups.iter().cloned().collect();
    if groups.len() > User::MAX_GROUPS {
        return Err(AccountsError::TooManyGroups);
    }
    Ok(groups.into_iter().collect())
}
