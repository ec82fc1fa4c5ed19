//! Why a command is not carried out.

use std::{io, path::PathBuf};

use crate::control::ControlError;

/// Why a command reaches neither a server nor a store, in one sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReachError {
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(
        "no server answers at {}, and a store in memory is gone when its server is", path.display()
    )]
    NoServer { path: PathBuf },
    #[error("there is no store in {}: is --data right? `serve` and `init` make one", path.display())]
    NoStore { path: PathBuf },
    #[error(
        "the store in {} belongs to user {owner} of the system, who could not use what user {me} \
         writes there: run this as that user", path.display()
    )]
    NotOwner { path: PathBuf, owner: u32, me: u32 },
    #[error(
        "a server has the store in {} open, but does not answer there{}", path.display(), why(silent)
    )]
    Silent { path: PathBuf, silent: Option<ControlError> },
    #[error("the store in {} cannot be looked at: {source}", path.display())]
    System { path: PathBuf, source: io::Error },
}

fn why(silent: &Option<ControlError>) -> String {
    silent.as_ref().map_or_else(
        || "; its log says why it has no control socket".to_owned(),
        |error| format!(": {error}"),
    )
}
