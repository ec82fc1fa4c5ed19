//! Why the process ends, and its exit code.

use std::{io, process::ExitCode};

use crate::config::ConfigErrors;

/// Why the process ends. `docs/OPERATIONS.md` lists the exit codes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Nothing else fits.
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Output(_) => 1,
            Self::Config(_) => 2,
        })
    }
}
