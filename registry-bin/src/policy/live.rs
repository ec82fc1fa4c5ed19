//! A policy that follows its file while the server runs.

use std::{
    fmt, fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use futures::future;
use registry_core::{
    identity::Principal,
    policy::PolicyFile,
    ports::{Authorizer, AuthorizerError, Clock, Decision, Question},
};
use tokio::sync::Notify;

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// The policy of a file, as it was when it was last right. Clones are the same policy.
#[derive(Clone)]
pub(crate) struct LivePolicy(Arc<Inner>);

struct Inner {
    path: PathBuf,
    current: RwLock<Arc<PolicyFile>>,
    look: Notify,
}

/// By what a change of the file is seen.
type Stamp = Option<(u64, u64, u64, Option<SystemTime>)>;

impl LivePolicy {
    /// What is in the file at `path`.
    pub(crate) fn new(path: &Path, policy: PolicyFile) -> Self {
        let current = RwLock::new(Arc::new(policy));
        Self(Arc::new(Inner { path: path.to_owned(), current, look: Notify::new() }))
    }

    /// Has the file read again, whether it looks changed or not.
    pub(crate) fn read_again(&self) {
        self.0.look.notify_one();
    }

    /// Follows the file: what it says is taken if `check` has nothing against it. Where it is wrong
    /// that is said once, and the policy stays as it was.
    pub(crate) async fn follow(
        self,
        clock: impl Clock,
        check: impl Fn(&Path, &PolicyFile) -> Result<(), String> + Send,
    ) {
        let mut seen = self.stamp().await;
        loop {
            let look = pin!(self.0.look.notified());
            let asked = match future::select(look, clock.sleep(EVERY)).await {
                future::Either::Left(_) => true,
                future::Either::Right(_) => false,
            };
            let stamp = self.stamp().await;
            if asked || stamp != seen {
                seen = stamp;
                self.take(&check).await;
            }
        }
    }

    fn current(&self) -> Arc<PolicyFile> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn take(&self, check: &(impl Fn(&Path, &PolicyFile) -> Result<(), String> + Send)) {
        let path = &self.0.path;
        let read = self.blocking(super::read).await.map(|read| read.map_err(|e| e.to_string()));
        let checked = read.and_then(|read| {
            let policy = read?;
            check(path, &policy).map(|()| policy)
        });
        match checked {
            Ok(policy) => {
                let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
                if **current != policy {
                    *current = Arc::new(policy);
                    tracing::info!(path = %path.display(), "the policy is another now");
                }
            }
            Err(reason) => {
                tracing::error!(reason, "the new policy is not taken; the old one stays in force");
            }
        }
    }

    async fn stamp(&self) -> Stamp {
        let stamp = |path: &Path| {
            let found = fs::metadata(path).ok()?;
            Some((found.dev(), found.ino(), found.len(), found.modified().ok()))
        };
        self.blocking(stamp).await.ok().flatten()
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> T + Send + 'static,
    ) -> Result<T, String> {
        let path = self.0.path.clone();
        let done = tokio::task::spawn_blocking(move || work(&path)).await;
        done.map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Authorizer for LivePolicy {
    async fn authorize(
        &self,
        principal: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        let current = self.current();
        current.authorize(principal, questions).await
    }
}

impl fmt::Debug for LivePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LivePolicy").field("path", &self.0.path).finish_non_exhaustive()
    }
}
