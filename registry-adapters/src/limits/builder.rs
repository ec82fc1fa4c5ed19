//! Putting limits together.

use std::{fmt, sync::Arc};

use registry_core::{
    ports::{Clock, Random, RecordStore, StoreError},
    record::RecordKey,
};

use super::{
    Limits, Rates,
    buckets::Buckets,
    saved::Saved,
    stored::{Quotas, Stored},
};

/// Limits in the making.
#[must_use]
pub struct Builder {
    records: Arc<dyn RecordStore>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    server: String,
    rates: Rates,
    quotas: Quotas,
    max_keys: usize,
}

/// The limits cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LimitsError {
    /// The name of the server cannot be part of a record's key.
    #[error("'{0}' is no name for a server: it has 1 to 254 of [A-Za-z0-9._:@+=-]")]
    Server(String),
    /// What was saved cannot be read.
    #[error("what the limits counted cannot be read")]
    Storage(#[from] StoreError),
}

impl Limits {
    /// Starts on these records: those of the registry, or others. Nothing is limited yet.
    pub fn builder(records: impl RecordStore, clock: impl Clock, random: impl Random) -> Builder {
        Builder {
            records: Arc::new(records),
            clock: Arc::new(clock),
            random: Arc::new(random),
            server: "main".to_owned(),
            rates: Rates::none(),
            quotas: Quotas::default(),
            max_keys: 100_000,
        }
    }
}

impl Builder {
    /// What this server is called, `main` by default: each of several on the same records needs a
    /// name of its own, which stays the same over restarts.
    pub fn server(mut self, name: impl Into<String>) -> Self {
        self.server = name.into();
        self
    }

    /// The rates.
    pub fn rates(mut self, rates: Rates) -> Self {
        self.rates = rates;
        self
    }

    /// How many bytes each namespace may keep.
    ///
    /// A namespace without a quota is not counted. Where it gets one later,
    /// [`Limits::recount`] begins the count.
    ///
    /// What a server counted it writes down in steps, before it grants them: a 64th of the quota, 1
    /// MiB at least and 64 MiB at most. After a crash so much may be counted too much in each
    /// namespace, until [`Limits::recount`]; and so much other servers may see as taken before it
    /// is. What others take is read every few seconds, so that a quota may be exceeded by what they
    /// took meanwhile.
    pub fn quota(mut self, bytes: u64) -> Self {
        self.quotas.all = Some(bytes);
        self
    }

    /// How many bytes this namespace may keep, whatever the others may.
    pub fn quota_of(mut self, namespace: impl Into<String>, bytes: u64) -> Self {
        self.quotas.of.insert(namespace.into(), bytes);
        self
    }

    /// How many clients and namespaces are remembered whose buckets are not full; 100 000 by
    /// default, which take about 15 MB.
    pub const fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// The limits, going on with what was saved last. Where that is damaged, it is logged, and every
    /// rate starts anew.
    ///
    /// # Errors
    /// See [`LimitsError`].
    pub async fn open(self) -> Result<Limits, LimitsError> {
        let Self { records, clock, random, server, rates, quotas, max_keys } = self;
        let key: Result<RecordKey, _> = format!("x-limits/rates/{server}").parse();
        let key = key.ok().filter(|_| !server.contains('/'));
        let key = key.ok_or_else(|| LimitsError::Server(server.clone()))?;
        let saved = Saved { records: Arc::clone(&records), random: Arc::clone(&random), key };
        let buckets = Buckets::new(rates, max_keys, &*random);
        buckets.restore(saved.read(clock.now()).await?, clock.monotonic());
        let stored = Stored::new(records, Arc::clone(&clock), random, server, quotas);
        Ok(Limits { clock, buckets, saved, stored })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("server", &self.server)
            .field("rates", &self.rates)
            .field("quotas", &self.quotas)
            .finish_non_exhaustive()
    }
}
