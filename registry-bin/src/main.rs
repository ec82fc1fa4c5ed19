//! An OCI registry in one binary.

mod admin;
mod audit;
mod commands;
mod config;
mod control;
mod directory;
mod failure;
mod health;
mod policy;
mod prompt;
mod signals;
mod telemetry;
mod welcome;
mod wiring;

use std::{io, io::Write, process::ExitCode};

fn main() -> ExitCode {
    let outcome = commands::run();
    telemetry::flush();
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            // Where standard error is gone, the exit code still tells.
            let _ = writeln!(io::stderr(), "{failure}");
            failure.exit_code()
        }
    }
}
