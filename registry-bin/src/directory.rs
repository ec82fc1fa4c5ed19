//! The data directory, before a store is opened in it.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
};

/// What every store has in it.
const MARK: &str = ".registry~";

/// Makes it for this user alone, where it does not exist; whoever may write in it could put another
/// control socket into the place of ours.
pub(crate) fn make(data: &Path) -> io::Result<()> {
    if let Some(parent) = data.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(data) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Whether there is a store in it.
pub(crate) fn has_store(data: &Path) -> bool {
    data.join(MARK).exists()
}
