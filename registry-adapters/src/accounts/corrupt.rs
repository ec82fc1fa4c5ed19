//! Records in the place of users and keys that are none.

use registry_core::{ports::StoreError, record::RecordKey};

use super::{Accounts, AccountsError, records::is_corrupt};

impl Accounts {
    /// Deletes a record that [`Accounts::users`] or [`Accounts::keys`] names as corrupt. Whose it was
    /// could not log in by it.
    ///
    /// # Errors
    /// `NotFound` where none of them names it, `Busy`, `Store`; `Corrupt` where the store itself cannot
    /// read the record.
    pub async fn remove_corrupt(&self, record: &RecordKey) -> Result<(), AccountsError> {
        let _changing = self.0.changing.lock().await;
        let is_none = self.users().await?.corrupt.contains(record)
            || self.keys().await?.corrupt.contains(record);
        if is_none { self.remove_unread(record).await } else { Err(AccountsError::NotFound) }
    }

    /// Deletes a record, whatever it says.
    pub(super) async fn remove_unread(&self, record: &RecordKey) -> Result<(), AccountsError> {
        match self.0.records.remove_unread(record).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(AccountsError::NotFound),
            Err(AccountsError::Store(error)) if is_corrupt(&error) => {
                Err(AccountsError::Corrupt { record: record.clone() })
            }
            Err(error) => Err(error),
        }
    }
}

/// `None` in the place of a record that cannot be read.
pub(super) fn unless_corrupt<T>(
    read: Result<Option<T>, StoreError>,
) -> Result<Option<T>, StoreError> {
    match read {
        Err(error) if is_corrupt(&error) => Ok(None),
        read => read,
    }
}
