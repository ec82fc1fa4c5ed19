//! A limiter that limits nothing and counts.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use async_trait::async_trait;
use registry_core::ports::{Limit, LimitKey, RateLimiter, StoreError, Subject, SubjectKind, Taken};

/// How many bytes each namespace keeps, as the registry says.
#[derive(Debug, Default)]
pub(crate) struct Counted(Mutex<BTreeMap<String, u64>>);

impl Counted {
    /// Where there are any.
    pub(crate) fn bytes(&self) -> BTreeMap<String, u64> {
        let mut bytes = self.all().clone();
        bytes.retain(|_, bytes| *bytes > 0);
        bytes
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().expect("no test panics within")
    }
}

#[async_trait]
impl RateLimiter for Counted {
    fn limits(&self, _: Limit, _: SubjectKind) -> bool {
        true
    }

    async fn take(&self, key: &LimitKey, want: u64) -> Result<Taken, StoreError> {
        // Less than was asked for, as a limiter may.
        let granted = want.min(5);
        if let LimitKey { limit: Limit::StoredBytes, subject: Subject::Namespace(name) } = key {
            *self.all().entry(name.to_string()).or_default() += granted;
        }
        Ok(Taken::Granted(granted))
    }

    async fn give_back(&self, key: &LimitKey, unused: u64) -> Result<(), StoreError> {
        if let LimitKey { limit: Limit::StoredBytes, subject: Subject::Namespace(name) } = key {
            let mut all = self.all();
            let bytes = all.get_mut(&**name).expect("it was taken");
            *bytes = bytes.checked_sub(unused).expect("no more is given back than was taken");
        }
        Ok(())
    }
}
