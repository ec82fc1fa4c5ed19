//! The bytes that namespaces keep. Each server counts what it took and gave back in
//! `x-limits/stored/<namespace>/<server>`; the sum of them is what is kept.
//!
//! The record of a server never says less than the server took: it is raised before anything is
//! granted, by a step, and lowered after something was given back.

mod level;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::TryStreamExt;
use registry_core::{
    ports::{
        Clock, Expect, KeyRange, Lookup, PutOutcome, Random, RecordStore, StoreError,
        StoreErrorKind, Taken,
    },
    record::{Nonce, Record, RecordKey},
};
use serde::{Deserialize, Serialize};

use self::level::{Level, Next};

const KIND: &str = "x-limits-stored";

const PREFIX: &str = "x-limits/stored/";

/// For how long is known what other servers count.
const FRESH: Duration = Duration::from_secs(5);

/// How often a write starts over that others come before. There should be none.
const ROUNDS: usize = 8;

/// How many bytes who may keep.
#[derive(Clone, Debug, Default)]
pub(super) struct Quotas {
    pub(super) all: Option<u64>,
    pub(super) of: BTreeMap<String, u64>,
}

pub(super) struct Stored {
    records: Arc<dyn RecordStore>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    server: String,
    quotas: Quotas,
    /// Those of which anything was taken or given back since the start: as few as there are
    /// namespaces that somebody may push to.
    namespaces: Mutex<HashMap<Box<str>, Arc<Namespace>>>,
}

struct Namespace {
    key: RecordKey,
    prefix: String,
    quota: i64,
    level: Mutex<Level>,
    /// Held by whoever reads or writes the record: what it is expected to be, where that is known.
    record: tokio::sync::Mutex<Option<Expect>>,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    /// Below zero where more was given back than taken: another server took it.
    bytes: i64,
}

impl Quotas {
    fn of(&self, namespace: &str) -> Option<i64> {
        let quota = self.of.get(namespace).copied().or(self.all)?;
        Some(i64::try_from(quota).unwrap_or(i64::MAX))
    }
}

impl Stored {
    pub(super) fn new(
        records: Arc<dyn RecordStore>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        server: String,
        quotas: Quotas,
    ) -> Self {
        Self { records, clock, random, server, quotas, namespaces: Mutex::default() }
    }

    /// Whether anybody has a quota.
    pub(super) fn limits(&self) -> bool {
        self.quotas.all.is_some() || !self.quotas.of.is_empty()
    }

    pub(super) async fn take(&self, name: &str, want: u64) -> Result<Taken, StoreError> {
        let Some(namespace) = self.namespace(name)? else { return Ok(Taken::Granted(want)) };
        let want = i64::try_from(want).unwrap_or(i64::MAX);
        let next = |namespace: &Namespace| {
            namespace.level().take(want, namespace.quota, self.clock.monotonic())
        };
        // Mostly without a record, and without waiting for whoever has to do with one.
        if let Some(taken) = next(&namespace).taken() {
            return Ok(taken);
        }
        let mut record = namespace.record.lock().await;
        for _ in 0..ROUNDS {
            match next(&namespace) {
                Next::Read => self.read(&namespace, &mut record).await?,
                Next::Raise(to) => self.write(&namespace, &mut record, to).await?,
                Next::Taken(taken) => return Ok(taken),
            }
        }
        Err(StoreError::new(StoreErrorKind::Busy))
    }

    pub(super) async fn give_back(&self, name: &str, unused: u64) -> Result<(), StoreError> {
        let Some(namespace) = self.namespace(name)? else { return Ok(()) };
        if !namespace.level().is_known() {
            let mut record = namespace.record.lock().await;
            if !namespace.level().is_known() {
                self.read(&namespace, &mut record).await?;
            }
        }
        let unused = i64::try_from(unused).unwrap_or(i64::MAX);
        let is_far = namespace.level().give_back(unused, namespace.quota);
        if is_far {
            self.settle(&namespace, level::step(namespace.quota) / 2).await?;
        }
        Ok(())
    }

    /// Writes down exactly what is counted.
    pub(super) async fn save(&self) -> Result<(), StoreError> {
        let all: Vec<_> = lock(&self.namespaces).values().cloned().collect();
        let mut saved = Ok(());
        for namespace in all {
            if namespace.level().is_known() {
                saved = self.settle(&namespace, 0).await.and(saved);
            }
        }
        saved
    }

    pub(super) async fn recount(&self, stored: &BTreeMap<String, u64>) -> Result<(), StoreError> {
        let mut names: BTreeSet<String> = stored.keys().cloned().collect();
        let mut entries = self.records.list(KeyRange::all(PREFIX.to_owned()));
        while let Some(entry) = entries.try_next().await? {
            let rest = entry.key.as_str().strip_prefix(PREFIX);
            names.extend(rest.and_then(|rest| Some(rest.split_once('/')?.0.to_owned())));
        }
        for name in names {
            let Some(namespace) = self.namespace(&name)? else { continue };
            let bytes = stored.get(&name).copied().unwrap_or(0);
            let mut record = namespace.record.lock().await;
            self.read(&namespace, &mut record).await?;
            let used = namespace.level().recounted(i64::try_from(bytes).unwrap_or(i64::MAX));
            self.write(&namespace, &mut record, used).await?;
            namespace.level().begin_at(used);
        }
        Ok(())
    }

    /// `None`: it has no quota, and is not counted.
    fn namespace(&self, name: &str) -> Result<Option<Arc<Namespace>>, StoreError> {
        let Some(quota) = self.quotas.of(name) else { return Ok(None) };
        if let Some(known) = lock(&self.namespaces).get(name) {
            return Ok(Some(Arc::clone(known)));
        }
        let prefix = format!("{PREFIX}{name}/");
        let key = format!("{prefix}{}", self.server).parse();
        let key = key.map_err(|e| StoreError::with_source(StoreErrorKind::Unsupported, e))?;
        let (level, record) = (Mutex::default(), tokio::sync::Mutex::default());
        let new = Arc::new(Namespace { key, prefix, quota, level, record });
        // Another may have been as fast; then there is only its.
        Ok(Some(Arc::clone(lock(&self.namespaces).entry(name.into()).or_insert(new))))
    }

    /// Reads what all servers count.
    async fn read(
        &self,
        namespace: &Namespace,
        record: &mut Option<Expect>,
    ) -> Result<(), StoreError> {
        let now = self.clock.monotonic();
        let (found, own) = self.own(namespace).await?;
        *record = Some(found);
        let mut others = 0_i64;
        let mut entries = self.records.list(KeyRange::all(namespace.prefix.clone()));
        while let Some(entry) = entries.try_next().await? {
            if entry.key == namespace.key {
                continue;
            }
            let other = match entry.record {
                Some((_, record)) => Some(record),
                None => match self.records.get(&entry.key, None).await? {
                    Lookup::Found(_, record) => Some(record),
                    _ => None,
                },
            };
            let fields = other.map(|record| record.fields::<Fields>(KIND)).transpose()?;
            others = others.saturating_add(fields.map_or(0, |fields| fields.bytes));
        }
        namespace.level().read(own, others, now);
        Ok(())
    }

    async fn own(&self, namespace: &Namespace) -> Result<(Expect, i64), StoreError> {
        Ok(match self.records.get(&namespace.key, None).await? {
            Lookup::Found(version, record) => {
                (Expect::Version(version), record.fields::<Fields>(KIND)?.bytes)
            }
            _ => (Expect::Absent, 0),
        })
    }

    /// Lowers the record to this much above what is counted.
    async fn settle(&self, namespace: &Namespace, above: i64) -> Result<(), StoreError> {
        let mut record = namespace.record.lock().await;
        // Nobody takes what is beyond from now on, whatever becomes of the record.
        let Some(to) = namespace.level().lower(above) else { return Ok(()) };
        self.write(namespace, &mut record, to).await
    }

    /// Makes the record say so.
    async fn write(
        &self,
        namespace: &Namespace,
        expected: &mut Option<Expect>,
        bytes: i64,
    ) -> Result<(), StoreError> {
        for _ in 0..ROUNDS {
            let expect = match expected.take() {
                Some(expect) => expect,
                None => self.own(namespace).await?.0,
            };
            let nonce = Nonce::new(&*self.random);
            let record = Record::new(KIND, nonce, &Fields { bytes }, Bytes::new())?;
            match self.records.put(&namespace.key, record, expect).await? {
                PutOutcome::Stored(version) => {
                    *expected = Some(Expect::Version(version));
                    namespace.level().written(bytes);
                    return Ok(());
                }
                PutOutcome::Conflict => {}
            }
        }
        Err(StoreError::new(StoreErrorKind::Busy))
    }
}

impl Namespace {
    fn level(&self) -> MutexGuard<'_, Level> {
        lock(&self.level)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code that can panic runs between two changes that belong together.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
