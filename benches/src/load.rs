//! The whole-server load tool.
//!
//! One scenario runs against one registry and yields one [`Report`]; many reports make one
//! [`Comparison`]. To add a scenario: a file in `scenarios/`, a variant of `Scenario` in
//! [`arguments`], a row in the README.
//!
//! The client must not be what is measured. It neither hashes nor copies a body that it reads, sends
//! slices of one shared block, and knows each digest before the clock starts; how busy it was is in
//! every report, so that a run in which it was the bottleneck shows.

pub mod arguments;
mod client;
mod comparison;
mod content;
mod error;
mod outcome;
mod process;
mod push;
mod reader;
mod report;
mod scenarios;
mod statistics;
mod window;

use std::{fmt, fs, io::Write, path::Path};

use arguments::{Arguments, BlobFile, Command, Common, Scenario};
use content::ContentSource;
use tokio::{runtime, time::timeout};

pub use comparison::Comparison;
pub use error::LoadError;
pub use outcome::{Parameters, Work};
pub use process::{ProcessSample, Usage};
pub use report::{Latency, Report};
pub use statistics::{median, percentile};

/// Does what the command line says, and returns what to print.
///
/// # Errors
/// Whatever keeps a scenario from being measured: see [`LoadError`].
pub fn run(arguments: &Arguments) -> Result<Box<dyn fmt::Display>, LoadError> {
    let Arguments { common, command } = arguments;
    Ok(match command {
        Command::Scenario(scenario) => Box::new(measure(common, scenario)?),
        Command::BlobFile(blob_file) => Box::new(write_blob(common, blob_file)?),
        Command::Compare(compare) => {
            let reports =
                compare.files.iter().map(|path| read_report(path)).collect::<Result<_, _>>()?;
            Box::new(Comparison::new(reports, &compare.ours, &compare.yardstick)?)
        }
    })
}

fn measure(common: &Common, scenario: &Scenario) -> Result<Report, LoadError> {
    let setting = scenarios::Setting::new(common)?;
    let mut builder = match common.threads {
        1 => runtime::Builder::new_current_thread(),
        _ => runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(common.threads.into()).enable_all().build();
    #[expect(clippy::disallowed_methods, reason = "a load tool gives up in real time")]
    let outcome = runtime
        .map_err(LoadError::Runtime)?
        .block_on(async { timeout(common.timeout, scenarios::run(&setting, scenario)).await })
        .map_err(|_| LoadError::TimedOut(common.timeout))??;
    let report = Report::new(&common.name, common.threads, outcome);
    if let Some(path) = &common.json {
        let failed = |source| LoadError::File { path: path.clone(), source };
        let json = serde_json::to_string_pretty(&report).map_err(|e| failed(e.into()))?;
        fs::write(path, json).map_err(failed)?;
    }
    Ok(report)
}

/// Writes the blob that `pull` reads to where its path leads below `root`.
fn write_blob(
    common: &Common,
    blob_file: &BlobFile,
) -> Result<impl fmt::Display + use<>, LoadError> {
    let content = ContentSource::new(blob_file.size).fixed();
    let folder = blob_file.root.join("v2").join(&common.repository).join("blobs");
    let path = folder.join(content.digest());
    let write = || {
        fs::create_dir_all(&folder)?;
        let mut file = fs::File::create(&path)?;
        content.whole().slices().try_for_each(|bytes| file.write_all(&bytes))
    };
    write().map_err(|source| LoadError::File { path: path.clone(), source })?;
    Ok(path.display().to_string())
}

fn read_report(path: &Path) -> Result<Report, LoadError> {
    let json =
        fs::read(path).map_err(|source| LoadError::File { path: path.to_owned(), source })?;
    serde_json::from_slice(&json)
        .map_err(|source| LoadError::Report { path: path.to_owned(), source })
}
