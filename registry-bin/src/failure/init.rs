//! Why nothing is made to start from.

use std::{io, path::PathBuf};

/// Why nothing was made, in one sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InitError {
    #[error("{} is there already: nothing is overwritten", path.display())]
    Exists { path: PathBuf },
    #[error("cannot write {}: {source}", path.display())]
    System { path: PathBuf, source: io::Error },
}
