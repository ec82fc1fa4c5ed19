//! Users from an htpasswd file, their passwords hashed by bcrypt.
//!
//! A password costs a hash, tens of milliseconds by intent, on a thread for passwords; at most one
//! hash at a time runs for each core to spare. What was found right is remembered for a minute, so
//! that the requests of a pull cost one hash together; what was wrong never is.
//!
//! Whoever is wrong ten times within a minute, from one address or for one user, has to wait until
//! the first of them is a minute old; that is decided before a hash is computed. At an address from
//! which a user was right within the last day, only what was wrong there for that user counts.

mod file;
mod users;

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use registry_core::{
    credentials::{Credentials, Secret},
    identity::{CredentialKind, Principal, PrincipalKind},
    ports::{Authenticated, AuthenticationError, Authenticator, Clock, Random},
};
use tokio::task;

use self::{
    file::{FileError, UsersFile},
    users::Users,
};
use crate::passwords::{Guard, RESERVED_PREFIX, Tries, Turns};

/// bcrypt looks at no more of a password; other programs cut it there.
const MAX_PASSWORD: usize = 72;
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
/// one with a zero byte, which bcrypt takes for its end, and one that starts with
/// [`RESERVED_PREFIX`], which only keys do.
///
/// Runs on a tokio runtime.
pub struct Htpasswd {
    clock: Arc<dyn Clock>,
    file: Arc<UsersFile>,
    guard: Guard,
}

/// The file cannot be used, in one sentence that shows nothing of what is in it.
#[derive(Debug, thiserror::Error)]
#[error("{}{error}", path.display())]
pub struct HtpasswdError {
    path: PathBuf,
    error: FileError,
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
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let file = Arc::new(UsersFile::open(path, clock.monotonic())?);
        Ok(Self { file, guard: Guard::new(Arc::clone(&clock), &random), clock })
    }

    /// The same users, whose hashes take turns with others.
    #[must_use]
    pub fn with_turns(mut self, turns: &Turns) -> Self {
        self.guard.turns = turns.clone();
        self
    }

    /// Whether the file has a user of this name.
    pub async fn has_user(&self, name: &str) -> bool {
        // Where it cannot be looked at, the users are those of before.
        let _ = self.look_at_the_file().await;
        self.file.users().hash(name).is_some()
    }

    /// Whether the file could have a user of this name: it is not empty, does not begin
    /// with `#`, and has neither a colon nor control characters.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        users::is_name(name)
    }

    /// What is remembered of the tries to log in, which does not outlast the process unless it is
    /// [saved](crate::passwords::SavedTries).
    #[must_use]
    pub fn tries(&self) -> Tries {
        self.guard.tries()
    }

    async fn check(
        &self,
        username: &str,
        password: &Secret,
        peer: Option<IpAddr>,
    ) -> Result<(), AuthenticationError> {
        self.look_at_the_file().await?;
        let users = self.file.users();
        let whose = users.hash(username).map(|_| user(username));
        let hash = match users.hash(username) {
            _ if password.expose().starts_with(RESERVED_PREFIX) => {
                Err("the password starts as keys do, and keys are not known here")
            }
            hash => hash.ok_or("there is no such user"),
        };
        let claim = self.guard.user(username, peer);
        let attempt = self.guard.attempt(claim, username, password, hash);
        let (username, password) = (username.to_owned(), password.clone());
        let checked = self.guard.check(attempt, move |_| compare(&users, &username, &password));
        checked.await.map_err(|error| error.of(whose))
    }

    async fn look_at_the_file(&self) -> Result<(), AuthenticationError> {
        if !self.file.is_due(self.clock.monotonic()) {
            return Ok(());
        }
        let file = Arc::clone(&self.file);
        let looked = task::spawn_blocking(move || file.look()).await;
        looked.map_err(|error| AuthenticationError::Unavailable(Box::new(error)))
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
                Ok(Authenticated::new(user(username)))
            }
            _ => Err(AuthenticationError::refused("it is not a user name and a password")),
        }
    }

    fn is_guarded(&self, _: &Credentials) -> bool {
        true
    }
}

fn user(name: &str) -> Principal {
    Principal::new(PrincipalKind::User, name).with_credential(CredentialKind::Password, None)
}

/// Compares with a hash whether or not there is such a user, so that time does not tell.
fn compare(users: &Users, username: &str, password: &Secret) -> Result<(), &'static str> {
    let password = password.expose();
    if password.len() > MAX_PASSWORD || password.contains('\0') {
        return Err("the password is longer than bcrypt's 72 bytes, or has a zero byte");
    }
    let hash = users.hash(username).unwrap_or(users.nobody());
    match bcrypt::verify(password, hash) {
        Ok(true) => Ok(()),
        _ => Err("the password is wrong"),
    }
}

impl fmt::Debug for Htpasswd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Htpasswd").field("file", &self.file).finish_non_exhaustive()
    }
}
