//! The keys of a registry, as they come and go.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, UNIX_EPOCH},
};

use registry_core::ports::{Clock, Random};
use serde_json::json;
use tokio::{sync::watch, task};

use super::{
    directory::{self, Directory, Lock},
    key::Key,
    keys::{KeyStatus, Keys, Published},
};

/// How old what is known of a directory may be when it is used.
pub(super) const SCAN: Duration = Duration::from_secs(60);

/// The keys that sign a registry's tokens, and those with which they are verified.
///
/// They are of Ed25519, and called by the thumbprint of their public half (RFC 7638). They lie in
/// memory, in a directory, or there is one in a file.
///
/// # Rotation
/// A new key is published at once and signs five minutes later, so that all servers that share a
/// directory verify with it before they meet it; only the first signs at once, as there is no other.
/// A key still verifies after the next has begun to sign; [`retire`](Self::retire) removes it two
/// hours later, when the last token that it signed is long expired.
///
/// # Directory
/// A file is a key, as PKCS #8 in PEM. Directory and files belong to this user, or to root, who
/// alone have access to them; none is a symbolic link. A server notices what others add and remove within a minute
/// of using it: the directory is read again at most once a minute, whatever tokens come in. A
/// directory that cannot be read, or is empty all of a sudden, is reported in the log, and the keys
/// stay as they were. To be rid of a key that has leaked, add another and
/// [retire](Self::retire_now) it, or remove its file: the others need no more than that minute.
///
/// Runs on a tokio runtime. A clone is the same key ring.
#[derive(Clone)]
pub struct KeyRing {
    shared: Arc<Shared>,
}

/// The keys cannot be used, or not be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Others may read the key, or put one of theirs beside it.
    #[error(
        "others have access to {} (its mode is {mode:o}): run `chmod {wanted:o}` on it, and replace \
         the keys if somebody may have read them",
        path.display()
    )]
    Exposed {
        /// The file or the directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// Those that it should have.
        wanted: u32,
    },
    /// Somebody else could have put it there.
    #[error(
        "{} belongs to user {owner} of the system: keys are taken from user {me}, who runs this, and \
         from root alone; find out who made it, then move it away or run `chown {me}` on it",
        path.display()
    )]
    Owner {
        /// The file or the directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who would use it.
        me: u32,
    },
    /// It is somewhere else.
    #[error(
        "{} is a symbolic link, which is not followed: put what it leads to in its place",
        path.display()
    )]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// The file holds something else.
    #[error(
        "{} is no Ed25519 key: make one with `openssl genpkey -algorithm ed25519`",
        path.display()
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The file is called as if it were one of the directory's keys, which it is not.
    #[error("{} is not a key that was made here: move it elsewhere", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The directory has lost its keys.
    #[error("{} has no key any more: restart the server, which makes one", path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
    /// There is no key of this id.
    #[error("there is no key {id:?}")]
    Unknown {
        /// The id.
        id: String,
    },
    /// Without this key there would be none.
    #[error("it is the only key: add another first")]
    Last,
    /// The only key is configured.
    #[error("the key is a configured file: put another in its place and restart the server")]
    Configured,
    /// The file or the directory cannot be read, or not be written.
    #[error(
        "the keys in {} cannot be used ({source}): look after the disk and the permissions",
        path.display()
    )]
    Io {
        /// The file or the directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No key could be made, or nothing could be done with one.
    #[error("no key can be made: run a build of this program that fits the machine")]
    Cryptography,
    /// The thread that works on them was lost.
    #[error("the work on the keys was cut short: try again")]
    CutShort,
}

struct Shared {
    clock: Arc<dyn Clock>,
    place: Place,
    state: Mutex<State>,
    /// Locked by whoever reads or changes the place, who then says what the keys are.
    alone: Mutex<()>,
}

struct State {
    keys: Arc<Keys>,
    /// When to read the place again.
    due: Duration,
    /// The last time that it was read, or is being read: its sender is there for so long.
    scan: watch::Receiver<()>,
}

/// Where the keys lie.
enum Place {
    Memory(Arc<dyn Random>),
    Directory(Directory, Arc<dyn Random>),
    File,
}

impl KeyRing {
    /// A fresh key that is forgotten when the process ends, and with it all tokens.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn in_memory(clock: impl Clock, random: impl Random) -> Result<Self, KeyError> {
        Self::new(clock, Place::Memory(Arc::new(random)))
    }

    /// The keys in a directory. It is made where there is none, for nobody but this user, and a
    /// key in it.
    ///
    /// # Errors
    /// When it is somebody else's or others have access to it, it is a link, something in it is wrong,
    /// or it cannot be read or written.
    pub fn open(path: &Path, clock: impl Clock, random: impl Random) -> Result<Self, KeyError> {
        Self::new(clock, Place::Directory(Directory::open(path)?, Arc::new(random)))
    }

    /// The one key of a file, as PKCS #8 in PEM: what `openssl genpkey -algorithm ed25519` makes.
    /// It is read once.
    ///
    /// # Errors
    /// When it is not such a key, cannot be read, is somebody else's but root's, or others may read
    /// it, the file's group aside.
    pub fn from_pem_file(path: &Path, clock: impl Clock) -> Result<Self, KeyError> {
        let key = Arc::new(directory::read_configured(path)?);
        let keys = Keys::new(vec![Published { since: Duration::ZERO, key }]);
        Ok(Self { shared: Arc::new(Shared::new(clock, Place::File, keys)) })
    }

    /// Adds a key, and says its id. It signs in five minutes.
    ///
    /// # Errors
    /// When it cannot be made or kept; the key of a configured file cannot be changed here.
    pub async fn rotate(&self) -> Result<String, KeyError> {
        self.blocking(|shared| shared.add()).await
    }

    /// Adds a key if the newest is so old, and says its id. Of servers that share a directory and
    /// do so at the same time one adds a key.
    ///
    /// # Errors
    /// As of [`rotate`](Self::rotate).
    pub async fn rotate_after(&self, age: Duration) -> Result<Option<String>, KeyError> {
        self.blocking(move |shared| shared.add_after(age)).await
    }

    /// Removes the keys that a younger one took over from more than two hours ago, and says their
    /// ids.
    ///
    /// # Errors
    /// When they cannot be removed; the key of a configured file cannot be changed here.
    pub async fn retire(&self) -> Result<Vec<String>, KeyError> {
        self.blocking(Shared::retire).await
    }

    /// Removes one key, whatever its age: what it has signed is refused from now on, and what it would
    /// have signed another one signs at once.
    ///
    /// # Errors
    /// When there is no such key, or no other; as of [`retire`](Self::retire).
    pub async fn retire_now(&self, id: &str) -> Result<(), KeyError> {
        let id = id.to_owned();
        self.blocking(move |shared| shared.retire_now(id)).await
    }

    /// The keys, oldest first.
    pub async fn status(&self) -> Vec<KeyStatus> {
        self.keys().await.status(self.shared.now())
    }

    /// The public keys as a JWK set (RFC 7517 section 5): those that verify, also the ones that do
    /// not sign yet or any more.
    pub async fn jwks(&self) -> String {
        let keys = self.keys().await;
        let keys: Vec<_> = keys.iter().map(|published| published.key.to_jwk()).collect();
        json!({ "keys": keys }).to_string()
    }

    /// The key that signs.
    pub(super) async fn signing(&self) -> Result<Arc<Key>, KeyError> {
        self.keys().await;
        let keys = self.newest().await;
        keys.signing(self.shared.now()).cloned().ok_or(KeyError::Cryptography)
    }

    /// The key of this id, if it is one that verifies.
    pub(super) async fn verifying(&self, id: &str) -> Option<Arc<Key>> {
        if let Some(key) = self.keys().await.get(id) {
            return Some(Arc::clone(key));
        }
        self.newest().await.get(id).cloned()
    }

    /// The keys, read again where they are too old. While one reads them the others take those that
    /// are known.
    async fn keys(&self) -> Arc<Keys> {
        if let Some(under_way) = self.shared.is_due() {
            let read = self.blocking(move |shared| {
                let _under_way = under_way;
                shared.scan()
            });
            let read = read.await;
            if let Err(error) = read {
                tracing::error!("{error}; until then the keys stay as they were");
            }
        }
        self.shared.keys()
    }

    /// The keys once nobody reads them any more: after a quiet time what is known may be so old that
    /// it lacks the key that all the others sign with, or has one that they have retired.
    async fn newest(&self) -> Arc<Keys> {
        let mut scan = self.shared.state().scan.clone();
        // Nothing is ever sent: it is over when the sender is gone.
        scan.changed().await.expect_err("nothing is sent");
        self.shared.keys()
    }

    fn new(clock: impl Clock, place: Place) -> Result<Self, KeyError> {
        let keys = place.read(&Keys::default())?;
        let is_new = keys.is_empty();
        let shared = Shared::new(clock, place, keys);
        if is_new {
            // None is as old, and one that another server has just made is good enough.
            shared.add_after(Duration::MAX)?;
        }
        Ok(Self { shared: Arc::new(shared) })
    }

    /// On a thread that may block, and to its end also when nobody waits for it any more.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, KeyError> + Send + 'static,
    ) -> Result<T, KeyError> {
        let shared = Arc::clone(&self.shared);
        task::spawn_blocking(move || work(&shared)).await.map_err(|_| KeyError::CutShort)?
    }
}

impl Shared {
    fn new(clock: impl Clock, place: Place, keys: Keys) -> Self {
        let (_, scan) = watch::channel(());
        let state = State { keys: Arc::new(keys), due: clock.monotonic() + SCAN, scan };
        let (state, alone) = (Mutex::new(state), Mutex::new(()));
        Self { clock: Arc::new(clock), place, state, alone }
    }

    fn add(&self) -> Result<String, KeyError> {
        let _alone = self.alone();
        let lock = self.place.lock()?;
        self.add_to(self.place.read(&self.keys())?, lock.as_ref())
    }

    fn add_after(&self, age: Duration) -> Result<Option<String>, KeyError> {
        let _alone = self.alone();
        let lock = self.place.lock()?;
        let keys = self.place.read(&self.keys())?;
        let now = self.now();
        if keys.newest().is_some_and(|newest| now < newest.since.saturating_add(age)) {
            self.put(keys);
            return Ok(None);
        }
        self.add_to(keys, lock.as_ref()).map(Some)
    }

    fn add_to(&self, keys: Keys, lock: Option<&Lock>) -> Result<String, KeyError> {
        let key = self.place.generate()?;
        let id = key.id().to_owned();
        let published = Published { since: keys.free(self.now()), key: Arc::new(key) };
        self.place.add(&published, lock)?;
        self.put(keys.with(published));
        tracing::info!(key = id, "added a key that signs tokens");
        Ok(id)
    }

    fn retire(&self) -> Result<Vec<String>, KeyError> {
        let _alone = self.alone();
        let lock = self.place.lock()?;
        let (retired, kept) = self.place.read(&self.keys())?.split(self.now());
        self.remove(&retired, kept, lock.as_ref())
    }

    fn retire_now(&self, id: String) -> Result<(), KeyError> {
        let _alone = self.alone();
        let lock = self.place.lock()?;
        let (retired, kept) = self.place.read(&self.keys())?.split_off(&id);
        if retired.is_empty() {
            return Err(KeyError::Unknown { id });
        }
        if kept.is_empty() {
            return Err(KeyError::Last);
        }
        self.remove(&retired, kept, lock.as_ref()).map(drop)
    }

    fn remove(
        &self,
        retired: &[Published],
        kept: Keys,
        lock: Option<&Lock>,
    ) -> Result<Vec<String>, KeyError> {
        self.place.remove(retired, lock)?;
        self.put(kept);
        let ids: Vec<_> = retired.iter().map(|retired| retired.key.id().to_owned()).collect();
        for id in &ids {
            tracing::info!(key = id, "retired a key that signed tokens");
        }
        Ok(ids)
    }

    fn scan(&self) -> Result<(), KeyError> {
        let _alone = self.alone();
        let keys = self.place.read(&self.keys())?;
        match &self.place {
            Place::Directory(directory, _) if keys.is_empty() => {
                Err(KeyError::Empty { path: directory.path().into() })
            }
            _ => {
                self.put(keys);
                Ok(())
            }
        }
    }

    fn put(&self, keys: Keys) {
        self.state().keys = Arc::new(keys);
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.state().keys)
    }

    /// Whether it is time to read them again. Says so to one caller only, who drops what it gets when
    /// they are read.
    fn is_due(&self) -> Option<watch::Sender<()>> {
        let now = self.clock.monotonic();
        let mut state = self.state();
        if !matches!(self.place, Place::Directory(..)) || now < state.due {
            return None;
        }
        let (under_way, scan) = watch::channel(());
        (state.due, state.scan) = (now + SCAN, scan);
        Some(under_way)
    }

    /// In whole seconds since 1970.
    fn now(&self) -> Duration {
        let now = self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Duration::from_secs(now.as_secs())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn read(&self, known: &Keys) -> Result<Keys, KeyError> {
        match self {
            Self::Directory(directory, _) => directory.read(known),
            Self::Memory(_) | Self::File => Ok(known.clone()),
        }
    }

    /// Nothing is locked in memory, where whoever is [alone](Shared::alone) is.
    fn lock(&self) -> Result<Option<Lock>, KeyError> {
        match self {
            Self::Memory(_) => Ok(None),
            Self::Directory(directory, _) => directory.lock().map(Some),
            Self::File => Err(KeyError::Configured),
        }
    }

    fn generate(&self) -> Result<Key, KeyError> {
        match self {
            Self::Memory(random) | Self::Directory(_, random) => {
                Key::generate(random).map_err(|_| KeyError::Cryptography)
            }
            Self::File => Err(KeyError::Configured),
        }
    }

    fn add(&self, key: &Published, lock: Option<&Lock>) -> Result<(), KeyError> {
        match (self, lock) {
            (Self::Directory(directory, _), Some(lock)) => directory.add(key, lock),
            _ => Ok(()),
        }
    }

    fn remove(&self, keys: &[Published], lock: Option<&Lock>) -> Result<(), KeyError> {
        match (self, lock) {
            (Self::Directory(directory, _), Some(lock)) if !keys.is_empty() => {
                directory.remove(keys, lock)
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.shared.keys();
        let ids: Vec<_> = keys.iter().map(|published| published.key.id()).collect();
        f.debug_struct("KeyRing").field("keys", &ids).finish_non_exhaustive()
    }
}
