//! What can go wrong on a file system.

use std::{io, path::PathBuf};

use registry_core::{
    ports::{StoreError, StoreErrorKind},
    record::{RecordError, RecordKey},
};
use rustix::io::Errno;

/// Why an operation of the store failed; what happened inside, for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// A system call failed.
    #[error("cannot {0}")]
    Call(&'static str, #[source] io::Error),
    /// A sync failed before; nothing is written until the next start.
    #[error("the store has stopped writing, since a sync failed")]
    Stopped,
    /// A sync failed while this record was changed; which state survives is not known.
    #[error("the state of {0} is not known, since a sync failed")]
    Unknown(RecordKey),
    /// The key has no place in the tree.
    #[error("{0} is no key of this store")]
    Key(RecordKey),
    /// A file is no record, or not the one that its name says.
    #[error("the file of {0} is no record")]
    Record(RecordKey, #[source] RecordError),
    /// Something that is not a file lies where one should be.
    #[error("{0} is not a file")]
    NotAFile(String),
    /// Somebody has the content open.
    #[error("the content is open")]
    Busy,
    /// The checkpoint is not of the bytes that are there.
    #[error("the checkpoint is of other bytes")]
    Lost,
    /// The content is sealed with other bytes.
    #[error("the content is sealed elsewhere")]
    Sealed,
    /// The writer's last call failed.
    #[error("an earlier call of this writer failed")]
    Failed,
    /// The range lies beyond the content.
    #[error("the range lies beyond the content")]
    Range,
    /// The client announces more bytes than there is room for.
    #[error("{0} bytes do not fit")]
    NoRoom(u64),
    /// The runtime that the store works on is shutting down.
    #[error("the runtime is shutting down")]
    ShutDown,
}

/// The outcome of an operation of the store.
pub(super) type Result<T, E = Error> = std::result::Result<T, E>;

/// Says what was tried when a call failed.
pub(super) trait Context<T> {
    /// `what` goes on after "cannot".
    fn to(self, what: &'static str) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn to(self, what: &'static str) -> Result<T> {
        self.map_err(|error| Error::Call(what, error))
    }
}

impl Error {
    /// Whether the disk is full.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Call(_, error) if kind(error) == StoreErrorKind::Full)
    }

    /// Whether what is stored is the trouble.
    pub(super) fn is_corrupt(&self) -> bool {
        self.kind() == StoreErrorKind::Corrupt
    }

    fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Call(_, error) => kind(error),
            Self::Stopped | Self::Unknown(_) | Self::ShutDown => {
                StoreErrorKind::Unavailable { retry_after: None }
            }
            Self::Key(_) => StoreErrorKind::Unsupported,
            Self::Record(..) | Self::NotAFile(_) | Self::Range => StoreErrorKind::Corrupt,
            Self::Busy => StoreErrorKind::Busy,
            Self::Lost => StoreErrorKind::Lost,
            Self::Sealed => StoreErrorKind::Sealed,
            Self::Failed => StoreErrorKind::Other,
            Self::NoRoom(_) => StoreErrorKind::Full,
        }
    }
}

fn kind(error: &io::Error) -> StoreErrorKind {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC | Errno::DQUOT) => StoreErrorKind::Full,
        Some(Errno::FBIG) => StoreErrorKind::TooLarge,
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => StoreErrorKind::Denied,
        // A link, or something else than a folder or file, lies where the store expects its own.
        Some(Errno::LOOP | Errno::XDEV | Errno::NOTDIR | Errno::ISDIR | Errno::NXIO) => {
            StoreErrorKind::Corrupt
        }
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => {
            StoreErrorKind::Unavailable { retry_after: None }
        }
        _ if error.kind() == io::ErrorKind::UnexpectedEof => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Other,
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::with_source(error.kind(), error)
    }
}

/// Why a directory cannot be opened as a store. Each prints as one sentence for who started the
/// program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or this one, has it open.
    #[error("{} is in use by another registry", .0.display())]
    Busy(PathBuf),
    /// It holds something else.
    #[error(
        "{} holds {found}, which is no registry's: give an empty directory or a new one",
        .path.display()
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// The name of something in it.
        found: String,
    },
    /// A newer program wrote it.
    #[error("{} was written by a newer registry (format {found})", .path.display())]
    Format {
        /// The directory.
        path: PathBuf,
        /// The format it says it has.
        found: String,
    },
    /// Names that differ only in case are the same there.
    #[error("the file system of {} ignores case, but tags that differ only in case are two", .0.display())]
    IgnoresCase(PathBuf),
    /// A sync failed since the machine started.
    #[error(
        "a sync of this store failed since the machine started, so that what the kernel shows may \
         not be on the disk: check the disk, then restart the machine; or mount the disk anew and \
         delete {}",
        .0.display()
    )]
    SyncFailed(PathBuf),
    /// The kernel cannot open paths beneath a directory. That much came with Linux 5.6; the store
    /// asks for 5.8, since before that a `syncfs` says nothing of bytes that it could not write,
    /// and one follows each unclean stop.
    #[error("the store needs Linux 5.8 or later, and a sandbox that permits openat2")]
    Kernel,
    /// A system call failed.
    #[error("cannot {what} {}: {source}", .path.display())]
    Call {
        /// What was tried, up to the directory's name.
        what: &'static str,
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
