//! `x-limits/rates/<server>`: the buckets that were not full when they were saved.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use registry_core::{
    ports::{
        Expect, Limit, LimitKey, Lookup, PutOutcome, Random, RecordStore, StoreError,
        StoreErrorKind, Subject,
    },
    record::{Nonce, Record, RecordError, RecordKey, Timestamp},
};
use serde::{Deserialize, Serialize};

/// How many are saved, at most: a record is bounded. Those that would be full soonest are left out.
const MOST: usize = 50_000;

/// What is full after so short a time is not worth saving.
const SHORT: Duration = Duration::from_secs(1);

const KIND: &str = "x-limits-rates";

pub(super) struct Saved {
    pub(super) records: Arc<dyn RecordStore>,
    pub(super) random: Arc<dyn Random>,
    pub(super) key: RecordKey,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    saved: Timestamp,
    /// What, whose, and in how many milliseconds it is full.
    buckets: Vec<(String, Who, u64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Who {
    Address(IpAddr),
    Principal(String),
    Namespace(String),
}

impl Saved {
    /// What is not full yet of what was saved. What is damaged, or makes no sense, says nothing:
    /// everybody starts anew, as they would without it.
    pub(super) async fn read(
        &self,
        now: SystemTime,
    ) -> Result<Vec<(LimitKey, Duration)>, StoreError> {
        let fields = match self.records.get(&self.key, None).await {
            Ok(Lookup::Found(_, record)) => record.fields(KIND).map_err(StoreError::from),
            Ok(Lookup::Absent | Lookup::Unchanged) => return Ok(Vec::new()),
            Err(error) => Err(error),
        };
        let fields: Fields = match fields {
            Err(error) if matches!(error.kind(), StoreErrorKind::Corrupt) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(key = %self.key, error, "what the limits counted is not readable");
                return Ok(Vec::new());
            }
            fields => fields?,
        };
        // Nothing comes back in a time of which a clock that was set back knows nothing.
        let passed = fields.saved.until(now.into());
        let left = |(limit, who, millis): (String, Who, u64)| {
            let limit = Limit::ALL.into_iter().find(|known| known.as_str() == limit)?;
            let wait = Duration::from_millis(millis).checked_sub(passed)?;
            Some((LimitKey::new(limit, who.into()), wait))
        };
        Ok(fields.buckets.into_iter().filter_map(left).collect())
    }

    pub(super) async fn write(
        &self,
        mut entries: Vec<(LimitKey, Duration)>,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        entries.retain(|(_, wait)| *wait >= SHORT);
        if entries.len() > MOST {
            entries.select_nth_unstable_by(MOST - 1, |(_, a), (_, b)| b.cmp(a));
            entries.truncate(MOST);
        }
        let fields =
            Fields { saved: now.into(), buckets: entries.iter().filter_map(row).collect() };
        loop {
            let expect = match self.records.get(&self.key, None).await? {
                Lookup::Found(version, _) => Expect::Version(version),
                _ if fields.buckets.is_empty() => return Ok(()),
                _ => Expect::Absent,
            };
            let record = self.record(&fields)?;
            if let PutOutcome::Stored(_) = self.records.put(&self.key, record, expect).await? {
                return Ok(());
            }
        }
    }

    fn record(&self, fields: &Fields) -> Result<Record, RecordError> {
        Record::new(KIND, Nonce::new(&*self.random), fields, Bytes::new())
    }
}

fn row((key, wait): &(LimitKey, Duration)) -> Option<(String, Who, u64)> {
    let who = match &key.subject {
        Subject::Address(address) => Who::Address(*address),
        Subject::Principal(owner) => Who::Principal(owner.to_string()),
        Subject::Namespace(name) => Who::Namespace(name.to_string()),
        _ => return None,
    };
    // Rounded up: nobody gains by a restart.
    let millis = wait.as_nanos().div_ceil(1_000_000);
    Some((key.limit.as_str().to_owned(), who, u64::try_from(millis).unwrap_or(u64::MAX)))
}

impl From<Who> for Subject {
    fn from(who: Who) -> Self {
        match who {
            Who::Address(address) => Self::Address(address),
            Who::Principal(owner) => Self::Principal(owner.into()),
            Who::Namespace(name) => Self::Namespace(name.into()),
        }
    }
}
