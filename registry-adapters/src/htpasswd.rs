//! Users from an htpasswd file, their passwords hashed by bcrypt.
//!
//! A password costs a hash, tens of milliseconds by intent, on a thread for blocking work; at most
//! one hash at a time runs for each core to spare. What was found right is remembered for a minute,
//! so that the requests of a pull cost one hash together; what was wrong never is.
//!
//! Whoever is wrong ten times within a minute, from one address or for one user, has to wait until
//! the first of them is a minute old; that is decided before a hash is computed. An address from
//! which a user was right within the last day does not wait for what others do to that user.

mod failures;
mod file;
mod fingerprint;
mod recent;
mod users;

use std::{
    fmt,
    net::IpAddr,
    num::NonZero,
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use async_trait::async_trait;
use futures::future::{self, Either};
use registry_core::{
    credentials::{Credentials, Secret},
    identity::{Principal, PrincipalKind},
    ports::{Authenticated, AuthenticationError, Authenticator, Clock, Random},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task,
};

use self::{
    failures::Failures,
    file::{FileError, UsersFile},
    fingerprint::{Fingerprint, Fingerprints},
    recent::Recent,
    users::Users,
};

/// bcrypt looks at no more of a password; other programs cut it there.
const MAX_PASSWORD: usize = 72;
/// How long a password that was right is taken for right.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How long an address is one from which the user comes.
const AT_HOME: Duration = Duration::from_secs(24 * 60 * 60);
/// How many logins, and how many users' addresses, are remembered.
const LOGINS: usize = 1024;
/// How many addresses, and how many users, are remembered to have failed.
const FAILED: usize = 8192;
/// How long a password waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// When to come back if that was not enough.
const COME_BACK: Duration = Duration::from_secs(1);

/// The users of an htpasswd file. Each is a [`PrincipalKind::User`] whose id is the name; whoever
/// sends no credentials is anonymous, and tokens are refused.
///
/// The file has a line `name:hash` for each user, the hash of bcrypt (`$2a$`, `$2b$` or `$2y$`) and
/// of a cost from 4 to 17. Lines that are blank or begin with `#` say nothing. All hashes should
/// have the same cost: whoever is unknown is refused after as long as the highest takes, so
/// that time does not tell them from the others.
///
/// Whether it changed is looked at while credentials are checked, once a second at most. A
/// changed file that is wrong is reported in the log once, and the users stay as they were.
///
/// A password has at most 72 bytes, all that bcrypt looks at; a longer one is refused, and so is
/// one with a zero byte, which bcrypt takes for its end.
///
/// Runs on a tokio runtime.
pub struct Htpasswd {
    shared: Arc<Shared>,
    turns: Arc<Semaphore>,
}

/// The file cannot be used, in one sentence that shows nothing of what is in it.
#[derive(Debug, thiserror::Error)]
#[error("{}{error}", path.display())]
pub struct HtpasswdError {
    path: PathBuf,
    error: FileError,
}

struct Shared {
    clock: Arc<dyn Clock>,
    file: UsersFile,
    fingerprints: Fingerprints,
    memory: Mutex<Memory>,
}

/// What is remembered of the logins so far.
struct Memory {
    by_address: Failures,
    by_user: Failures,
    /// When a password was right.
    right: Recent<Duration>,
    /// When a user was right at an address.
    home: Recent<Duration>,
}

/// Somebody says to be a user.
struct Attempt {
    users: Arc<Users>,
    username: String,
    password: Secret,
    user: Fingerprint,
    /// Where from, and whether it is that user's address.
    address: Option<(Fingerprint, Fingerprint)>,
    /// Of the password with the user's hash, if there is such a user.
    login: Option<Fingerprint>,
}

impl Htpasswd {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, or has more than 16 MiB, or a line is wrong.
    pub fn open(
        path: &Path,
        clock: impl Clock,
        random: impl Random,
    ) -> Result<Self, HtpasswdError> {
        let shared = Arc::new(Shared {
            file: UsersFile::open(path, clock.monotonic())?,
            clock: Arc::new(clock),
            fingerprints: Fingerprints::new(&random),
            memory: Mutex::new(Memory::new()),
        });
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let turns = Arc::new(Semaphore::new(cores.saturating_sub(1).max(1)));
        Ok(Self { shared, turns })
    }

    async fn check(
        &self,
        username: &str,
        password: &Secret,
        peer: Option<IpAddr>,
    ) -> Result<(), AuthenticationError> {
        if self.shared.file.is_due(self.shared.clock.monotonic()) {
            blocking(&self.shared, |shared| shared.file.look()).await?;
        }
        let attempt = self.shared.attempt(username, password, peer);
        if let Some(known) = self.shared.known(&attempt) {
            return known;
        }
        let turn = self.turn().await?;
        // Another request of the same client may have been first.
        if let Some(known) = self.shared.known(&attempt) {
            return known;
        }
        // Both go on when the client hangs up: the hash is computed anyway, and has to count.
        blocking(&self.shared, move |shared| {
            let _turn = turn;
            shared.compare(&attempt)
        })
        .await?
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, AuthenticationError> {
        let turn = pin!(Arc::clone(&self.turns).acquire_owned());
        match future::select(turn, self.shared.clock.sleep(PATIENCE)).await {
            // The semaphore is never closed.
            Either::Left((Ok(turn), _)) => Ok(turn),
            _ => Err(AuthenticationError::Throttled { retry_after: COME_BACK }),
        }
    }
}

#[async_trait]
impl Authenticator for Htpasswd {
    async fn authenticate(
        &self,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<Authenticated, AuthenticationError> {
        match credentials {
            Credentials::Absent => Ok(Authenticated::new(Principal::anonymous())),
            Credentials::Basic { username, password } => {
                self.check(username, password, peer).await?;
                Ok(Authenticated::new(Principal::new(PrincipalKind::User, username)))
            }
            _ => Err(AuthenticationError::refused("it is not a user name and a password")),
        }
    }
}

impl Shared {
    fn attempt(&self, username: &str, password: &Secret, peer: Option<IpAddr>) -> Attempt {
        let of = &self.fingerprints;
        let users = self.file.users();
        let user = of.user(username);
        Attempt {
            user,
            address: peer.map(|address| {
                let address = of.address(address);
                (address, of.place(user, address))
            }),
            login: users.hash(username).map(|hash| of.login(user, password.expose(), hash)),
            username: username.to_owned(),
            password: password.clone(),
            users,
        }
    }

    /// The answer that needs no hash. Who has to wait is not compared with what is remembered
    /// either: that would be a way to try passwords without end.
    fn known(&self, attempt: &Attempt) -> Option<Result<(), AuthenticationError>> {
        let now = self.clock.monotonic();
        let memory = self.memory();
        if let Some(retry_after) = memory.wait(attempt, now) {
            return Some(Err(AuthenticationError::Throttled { retry_after }));
        }
        let right = memory.right.get(&attempt.login?)?;
        (now < *right + REMEMBERED).then_some(Ok(()))
    }

    /// Computes the hash, and remembers what came out.
    fn compare(&self, attempt: &Attempt) -> Result<(), AuthenticationError> {
        let outcome = attempt.compare();
        // Only the name of a user: somebody may have typed a password in its place.
        let user = attempt.login.map(|_| &*attempt.username);
        tracing::debug!(user, right = outcome.is_ok(), "compared a password with a hash");
        let now = self.clock.monotonic();
        match outcome {
            Ok(login) => self.memory().succeeded(attempt, login, now),
            Err(_) => self.memory().failed(attempt, now),
        }
        outcome.map(drop).map_err(AuthenticationError::refused)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// The login, where the password is the user's; else why it is not, for the log.
    fn compare(&self) -> Result<Fingerprint, &'static str> {
        let password = self.password.expose();
        if password.len() > MAX_PASSWORD || password.contains('\0') {
            return Err("the password is longer than bcrypt's 72 bytes, or has a zero byte");
        }
        let hash = self.users.hash(&self.username);
        // Whether or not there is such a user, so that time does not tell.
        let equal = bcrypt::verify(password, hash.unwrap_or(self.users.nobody()));
        match self.login {
            None => Err("there is no such user"),
            Some(login) if matches!(equal, Ok(true)) => Ok(login),
            Some(_) => Err("the password is wrong"),
        }
    }
}

impl Memory {
    const fn new() -> Self {
        Self {
            by_address: Failures::new(FAILED),
            by_user: Failures::new(FAILED),
            right: Recent::new(LOGINS),
            home: Recent::new(LOGINS),
        }
    }

    fn wait(&self, attempt: &Attempt, now: Duration) -> Option<Duration> {
        let address = attempt.address.as_ref();
        let by_address = address.and_then(|(address, _)| self.by_address.wait(address, now));
        let last = address.and_then(|(_, place)| self.home.get(place));
        let is_home = last.is_some_and(|last| now < *last + AT_HOME);
        let by_user = if is_home { None } else { self.by_user.wait(&attempt.user, now) };
        by_address.max(by_user)
    }

    fn succeeded(&mut self, attempt: &Attempt, login: Fingerprint, now: Duration) {
        self.right.insert(login, now);
        if let Some((_, place)) = attempt.address {
            self.home.insert(place, now);
        }
    }

    fn failed(&mut self, attempt: &Attempt, now: Duration) {
        self.by_user.count(attempt.user, now);
        if let Some((address, _)) = attempt.address {
            self.by_address.count(address, now);
        }
    }
}

impl fmt::Debug for Htpasswd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Htpasswd").field("file", &self.shared.file).finish_non_exhaustive()
    }
}

/// Work for a thread that may block.
async fn blocking<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) -> T + Send + 'static,
) -> Result<T, AuthenticationError> {
    let shared = Arc::clone(shared);
    let done = task::spawn_blocking(move || work(&shared)).await;
    done.map_err(|error| AuthenticationError::Unavailable(Box::new(error)))
}
