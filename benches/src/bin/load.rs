//! Measures a registry over HTTP; see `benches/README.md`.

use std::process::ExitCode;

use clap::Parser;
use registry_benches::load::{self, arguments::Arguments};

fn main() -> ExitCode {
    match load::run(&Arguments::parse()) {
        Ok(report) => {
            #[expect(clippy::print_stdout, reason = "the report is what this program is for")]
            {
                println!("{report}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            let causes =
                std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
            let sentence: Vec<String> = causes.map(ToString::to_string).collect();
            #[expect(clippy::print_stderr, reason = "the error of a command goes to its terminal")]
            {
                eprintln!("load: {}", sentence.join(": "));
            }
            ExitCode::FAILURE
        }
    }
}
