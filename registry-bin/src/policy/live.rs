//! A policy that follows its file while the server runs.

use std::{
    fmt, fs, mem,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
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

/// By what a change of the file is seen: device, inode, size, and when the inode changed, which is
/// another time also where the file can now be read that could not.
type Stamp = Option<(u64, u64, u64, (i64, i64))>;

/// What was seen of the file.
#[derive(Debug, Default)]
struct Looks {
    last: Stamp,
    /// What it looked like when it was read.
    read: Option<Stamp>,
}

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
    ///
    /// It is read first at once: somebody may have edited it since the policy was.
    pub(crate) async fn follow(
        self,
        clock: impl Clock,
        check: impl Fn(&Path, &PolicyFile) -> Result<(), String> + Send,
    ) {
        let mut looks = Looks::default();
        let mut asked = true;
        loop {
            let stamp = self.stamp().await;
            if looks.is_due(stamp, asked) && self.take(stamp, &check).await {
                looks.read = Some(stamp);
            }
            let look = pin!(self.0.look.notified());
            asked = match future::select(look, clock.sleep(EVERY)).await {
                future::Either::Left(_) => true,
                future::Either::Right(_) => false,
            };
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// What is in force.
    pub(crate) fn current(&self) -> Arc<PolicyFile> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes what the file says, if it looks like this before and after; says whether it did.
    async fn take(
        &self,
        stamp: Stamp,
        check: &(impl Fn(&Path, &PolicyFile) -> Result<(), String> + Send),
    ) -> bool {
        let path = &self.0.path;
        let read = self.blocking(super::read).await.map(|read| read.map_err(|e| e.to_string()));
        if self.stamp().await != stamp {
            return false;
        }
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
        true
    }

    async fn stamp(&self) -> Stamp {
        let stamp = |path: &Path| {
            let found = fs::metadata(path).ok()?;
            let changed = (found.ctime(), found.ctime_nsec());
            Some((found.dev(), found.ino(), found.len(), changed))
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

impl Looks {
    /// Whether to read the file that looks like this now: one that was written to a moment ago may not
    /// be whole, and the half of a policy is one too. Whoever asks has it whole.
    fn is_due(&mut self, stamp: Stamp, asked: bool) -> bool {
        let is_settled = mem::replace(&mut self.last, stamp) == stamp;
        asked || (is_settled && self.read != Some(stamp))
    }
}

#[async_trait]
impl Authorizer for LivePolicy {
    async fn authorize(
        &self,
        principal: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        Ok(self.current().decide(principal, questions))
    }
}

impl fmt::Debug for LivePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LivePolicy").field("path", &self.0.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use registry_adapters::system::SystemClock;

    use super::*;

    fn stamp(length: u64) -> Stamp {
        Some((1, 1, length, (0, 0)))
    }

    #[test]
    fn a_file_is_read_once_it_stays_what_it_is_or_when_somebody_asks() {
        let mut looks = Looks { last: stamp(1), read: Some(stamp(1)) };
        for (length, asked, due) in [
            (1, false, false),
            (2, false, false),
            (3, false, false),
            (3, false, true),
            (4, true, true),
        ] {
            assert_eq!(looks.is_due(stamp(length), asked), due, "{length} {asked}");
            if due {
                looks.read = Some(stamp(length));
            }
        }
        assert!(!looks.is_due(None, false) && looks.is_due(None, false), "it is gone");
    }

    #[tokio::test]
    async fn a_file_that_may_be_read_from_now_on_looks_changed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("policy.toml");
        fs::write(&path, "rule = []\n").expect("a file");
        let live = LivePolicy::new(&path, PolicyFile::default());
        let before = live.stamp().await;
        // Some file systems know no time between two ticks.
        for mode in [0o600, 0o644].into_iter().cycle().take(10_000) {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
            if live.stamp().await != before {
                return;
            }
        }
        panic!("it looks the same");
    }

    #[tokio::test]
    async fn a_file_that_changes_while_it_is_read_is_not_taken() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("policy.toml");
        fs::write(&path, "rule = []\n[credentials]\nuser-key = [\"pull\"]\n").expect("a file");
        let live = LivePolicy::new(&path, toml::from_str("rule = []").expect("a policy"));
        let before = live.current();
        let fine = |_: &Path, _: &PolicyFile| Ok(());
        assert!(!live.take(stamp(3), &fine).await);
        assert_eq!(before, live.current());
        assert!(live.take(live.stamp().await, &fine).await);
        assert_ne!(before, live.current());
    }

    #[tokio::test]
    async fn what_was_edited_before_it_is_followed_is_taken() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("policy.toml");
        fs::write(&path, "rule = []\n[credentials]\nuser-key = [\"pull\"]\n").expect("a file");
        let live = LivePolicy::new(&path, toml::from_str("rule = []").expect("a policy"));
        let before = live.current();
        let checked = Arc::new(Notify::new());
        let check = {
            let checked = Arc::clone(&checked);
            move |_: &Path, _: &PolicyFile| {
                checked.notify_one();
                Ok(())
            }
        };
        let clock = SystemClock::new();
        let following = tokio::spawn(live.clone().follow(clock, check));
        let late = clock.sleep(Duration::from_secs(60));
        let checked = pin!(checked.notified());
        let first = future::select(checked, late).await;
        assert!(matches!(first, future::Either::Left(_)), "nothing was read");
        while live.current() == before {
            tokio::task::yield_now().await;
        }
        following.abort();
    }
}
