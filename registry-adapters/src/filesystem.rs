//! Both storage ports on a directory of a Linux file system.
//!
//! ```text
//! <root>/
//!   data/<2 hex>/<uuid>     contents, appended in place; the sticky bit marks one that is not sealed
//!   blob/ link/ tag/ …      records, one file each, replaced as a whole
//!   .registry~/             the store's own
//!     format  lock          what this directory is, and who has it open
//!     synced                the store was closed and everything in it survives power loss
//!     sync-failed           a sync failed since the machine started
//!     reserve               room to give up when the disk is full
//!     temporary/            files that have no name yet
//!     volatile/<boot id>/   records that last until the machine stops
//! ```
//!
//! What it promises, and how:
//!
//! * **Power loss.** A content is sealed by: cut, mark, `fsync` the file, `fsync` its folder. A
//!   record is changed by: write a file without a name, `fsync` it, and then, holding the record's
//!   lock, compare, rename, `fsync` the folder; only then anybody sees it. A new folder is synced
//!   into its parent before anything in it counts.
//! * **A failed sync** is never tried again: the kernel may have marked as clean what it lost. The
//!   store stops writing, and does not open again before the machine, and with it the kernel's
//!   memory of the files, was started anew.
//! * **One owner.** A lock keeps others out, so what was read or written once can be kept in
//!   memory and served from there.
//! * **No way out.** Every path is made from typed values, and the kernel resolves it beneath the
//!   root without following any link.
//!
//! It works on the blocking threads of a tokio runtime, and only within one.

mod cache;
mod calls;
mod checkpoint;
mod contents;
mod error;
mod held;
mod hot;
mod names;
mod reader;
mod records;
mod root;
mod stripes;
#[cfg(test)]
mod tests;
mod tree;
mod writer;

use std::{panic, path::Path, sync::Arc};

use calls::{Calls, Linux};
use error::Error;
use tree::Tree;

pub use contents::FilesystemContents;
pub use error::OpenError;
pub use records::FilesystemRecords;

/// An open directory with both storage ports in it. It stays locked until this, and everything
/// that came from it, is dropped and the last write has ended.
#[derive(Clone, Debug)]
pub struct Filesystem {
    tree: Arc<Tree>,
    contents: FilesystemContents,
    records: FilesystemRecords,
}

/// How to open a directory.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Options {
    /// What survives what.
    pub durability: Durability,
    /// About how many bytes of memory to use for records and names that are used again; 64 MiB by
    /// default.
    pub memory: usize,
}

/// What survives what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Everything that was answered survives power loss. The default.
    #[default]
    PowerSafe,
    /// Everything that was answered survives the end of the process, however it comes, but not the
    /// end of the machine: nothing is synced.
    ProcessSafe,
}

impl Options {
    /// The defaults with this durability.
    #[must_use]
    pub fn new(durability: Durability) -> Self {
        Self { durability, ..Self::default() }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { durability: Durability::default(), memory: 64 << 20 }
    }
}

impl Filesystem {
    /// Opens a directory, which is created where there is none. This blocks; it reads nothing for
    /// each content or record.
    ///
    /// # Errors
    /// When the directory is in use, holds something else, cannot keep what it is given, or as of
    /// any I/O.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        Self::open_with(Arc::new(Linux), path.as_ref(), options)
    }

    fn open_with(calls: Arc<dyn Calls>, path: &Path, options: Options) -> Result<Self, OpenError> {
        let tree = Arc::new(root::open(calls, path, options.durability)?);
        Ok(Self {
            contents: FilesystemContents::new(Arc::clone(&tree)),
            records: FilesystemRecords::new(Arc::clone(&tree), options.memory),
            tree,
        })
    }

    /// Its contents.
    #[must_use]
    pub fn contents(&self) -> FilesystemContents {
        self.contents.clone()
    }

    /// Its records.
    #[must_use]
    pub fn records(&self) -> FilesystemRecords {
        self.records.clone()
    }

    /// Whether it still writes. It stops for good when a sync fails, and every write is refused
    /// from then on; reads go on. A full disk is no such end.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        !self.tree.is_stopped()
    }
}

/// Does work that blocks. Dropping the future does not stop it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    joined(tokio::task::spawn_blocking(work).await)?
}

/// The outcome of work on another thread.
fn joined<T>(outcome: Result<T, tokio::task::JoinError>) -> Result<T, Error> {
    outcome.map_err(|error| match error.try_into_panic() {
        Ok(panic) => panic::resume_unwind(panic),
        Err(_) => Error::ShutDown,
    })
}
