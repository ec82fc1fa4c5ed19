//! The file, which is read again when it changes.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, TryLockError},
    time::Duration,
};

use super::{
    HtpasswdError,
    users::{LineError, Users},
};

/// How often it is looked whether the file is another, at most.
const INTERVAL: Duration = Duration::from_secs(1);

/// Some hundred thousand users; a larger file is something else.
const MAX_SIZE: u64 = 16 << 20;

/// The users of a file.
#[derive(Debug)]
pub(super) struct UsersFile {
    path: PathBuf,
    current: Mutex<Current>,
    /// What the file was when it was last looked at; nothing where it could not be read.
    seen: Mutex<Option<Stamp>>,
}

#[derive(Debug)]
struct Current {
    users: Arc<Users>,
    /// When to look again.
    due: Duration,
}

/// What tells a file from a changed one.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error(" cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error(" has more than {MAX_SIZE} bytes, so it is no htpasswd file")]
    TooLarge,
    #[error(" {0}")]
    Line(#[from] LineError),
}

impl UsersFile {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// When it cannot be read, or is wrong.
    pub(super) fn open(path: &Path, now: Duration) -> Result<Self, HtpasswdError> {
        let wrong = |error: FileError| HtpasswdError { path: path.to_owned(), error };
        let (file, stamp) = open(path).map_err(|e| wrong(e.into()))?;
        let users = Arc::new(read(file).map_err(wrong)?);
        let current = Mutex::new(Current { users, due: now + INTERVAL });
        Ok(Self { path: path.to_owned(), current, seen: Mutex::new(Some(stamp)) })
    }

    /// The users as they were when it was last looked.
    pub(super) fn users(&self) -> Arc<Users> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner).users)
    }

    /// Whether it is time to [look](Self::look) again. Says so to one caller only.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = now >= current.due;
        if is_due {
            current.due = now + INTERVAL;
        }
        is_due
    }

    /// Reads the file again if it is another than it was. Where that fails, the users stay as they
    /// were, and the log says so once.
    pub(super) fn look(&self) {
        let mut seen = match self.seen.try_lock() {
            Ok(seen) => seen,
            Err(TryLockError::Poisoned(seen)) => seen.into_inner(),
            // A disk that takes longer than the interval: somebody still looks.
            Err(TryLockError::WouldBlock) => return,
        };
        let readable = seen.is_some();
        let result = match open(&self.path) {
            Ok((_, stamp)) if Some(&stamp) == seen.as_ref() => return,
            Ok((file, stamp)) => {
                *seen = Some(stamp);
                read(file)
            }
            Err(error) => Err(error.into()),
        };
        let path = self.path.display();
        match result {
            Ok(users) => {
                tracing::info!(users = users.len(), "{path} was read again");
                let users = Arc::new(users);
                self.current.lock().unwrap_or_else(PoisonError::into_inner).users = users;
            }
            Err(error) => {
                if matches!(error, FileError::Read(_)) {
                    *seen = None;
                }
                if readable || seen.is_some() {
                    tracing::error!("{path}{error}; the users stay as they were");
                }
            }
        }
    }
}

impl From<&Metadata> for Stamp {
    fn from(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}

/// The stamp is taken first: who writes while the file is read is seen the next time.
fn open(path: &Path) -> io::Result<(File, Stamp)> {
    let file = File::open(path)?;
    let stamp = Stamp::from(&file.metadata()?);
    Ok((file, stamp))
}

fn read(file: File) -> Result<Users, FileError> {
    let mut text = Vec::new();
    file.take(MAX_SIZE + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_SIZE {
        return Err(FileError::TooLarge);
    }
    Ok(Users::parse(&text)?)
}
