//! The use cases of a registry, on top of the ports.
//!
//! Each takes the [`Caller`](crate::identity::Caller) first and authorizes inside. Reads are the
//! methods of [`Source`](crate::ports::Source). The order of the steps on the stores is the
//! storage protocol; the comments name its steps and invariants as `docs/ARCHITECTURE.md` does.

mod audit;
mod authorize;
mod blobs;
mod builder;
mod catalog;
mod detach;
mod grants;
mod links;
mod listing;
mod manifests;
mod quota;
mod referrers;
mod repositories;
mod retry;
mod source;
mod store;
mod tags;
mod uploads;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use futures::stream::BoxStream;

pub use builder::{Builder, References, Settings};
pub use manifests::{ManifestUpload, PushedManifest};
pub use repositories::{RepositoryChange, RepositoryStatus};
pub use uploads::{Chunk, Mount, UploadSession, UploadStatus};

use crate::{
    error::BodyError,
    ports::{
        AuditLog, Authorizer, Clock, ContentStore, HashBackend, Random, RateLimiter, RecordStore,
        Tasks,
    },
};

/// A request's body, read as it comes and never held whole.
pub type Body = BoxStream<'static, Result<Bytes, BodyError>>;

/// A registry over two stores. Cheap to clone.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    contents: Box<dyn ContentStore>,
    records: Box<dyn RecordStore>,
    authorizer: Box<dyn Authorizer>,
    clock: Arc<dyn Clock>,
    random: Box<dyn Random>,
    hash: Box<dyn HashBackend>,
    tasks: Option<Arc<dyn Tasks>>,
    limiter: Option<Arc<dyn RateLimiter>>,
    audit: Option<Arc<dyn AuditLog>>,
    settings: Settings,
}

impl Registry {
    /// Starts a registry over these stores. Security, time and chance are explicit: there are no
    /// defaults for them.
    pub fn builder(
        contents: impl ContentStore,
        records: impl RecordStore,
        authorizer: impl Authorizer,
        clock: impl Clock,
        random: impl Random,
    ) -> Builder {
        Builder::new(
            Box::new(contents),
            Box::new(records),
            Box::new(authorizer),
            Arc::new(clock),
            Box::new(random),
        )
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}
