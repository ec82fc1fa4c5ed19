//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use hyper::header::HeaderValue;

/// Measures a registry over HTTP: rate, latency, and what its process spent.
#[derive(Debug, Parser)]
pub struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The registry, up to `/v2/`
    #[arg(long, global = true, default_value = "http://127.0.0.1:5000")]
    pub(crate) url: String,
    /// The registry's name in the report
    #[arg(long, global = true, default_value = "registry")]
    pub(crate) name: String,
    /// The repository that the scenario uses
    #[arg(long, global = true, default_value = "load/test")]
    pub(crate) repository: String,
    /// Sent as the Authorization header of every request
    #[arg(long, global = true)]
    pub(crate) authorization: Option<HeaderValue>,
    /// The registry's process, to report its processor time and memory
    #[arg(long, global = true)]
    pub(crate) pid: Option<u32>,
    /// Write the report as JSON to this file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Threads of this client; one is enough unless its processor time nears the elapsed time
    #[arg(long, global = true, default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: u16,
    /// Give up after this many seconds
    #[arg(long, global = true, default_value = "600", value_parser = seconds)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Scenario(Scenario),
    /// Write the blob that `pull` reads as a file that a plain web server serves at the same path
    BlobFile(BlobFile),
    /// Put reports side by side: medians, and ratios to the best other
    Compare(Compare),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Scenario {
    /// GET a large blob
    Pull(Pull),
    /// GET a manifest by tag
    ManifestGet(Manifest),
    /// HEAD a manifest by tag
    ManifestHead(Manifest),
    /// POST, then PUT a large blob
    PushMonolithic(Push),
    /// POST, PATCH a large blob in chunks, PUT
    PushChunked(PushChunked),
    /// POST a large blob with its digest (a registry need not support it)
    PushSinglePost(Push),
    /// Push large blobs side by side
    ParallelPush(ParallelPush),
    /// Push a small blob and a manifest by a new tag, at many clients
    SmallPushes(SmallPushes),
    /// Append small chunks to one upload; shows whether a PATCH costs the same at any offset
    Patches(Patches),
    /// Log in with wrong passwords, at a steady rate, each time from another address of the loopback
    BadLogins(BadLogins),
}

#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// Size of the blob; it is pushed first, unless it is there
    #[arg(long, default_value = "1GiB", value_parser = size)]
    pub(crate) size: u64,
    /// Pulls on each connection
    #[arg(long, default_value = "5", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repeats: u32,
    /// Connections
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: u16,
}

#[derive(Debug, Args)]
pub(crate) struct Manifest {
    /// Size of the manifest, in bytes at least
    #[arg(long, default_value = "1KiB", value_parser = size)]
    pub(crate) size: u64,
    /// Connections, each with one request at a time
    #[arg(long, default_value = "16", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: u16,
    /// Length of the timed window; a tenth of it is spent beforehand to warm up
    #[arg(long, default_value = "10", value_parser = seconds)]
    pub(crate) seconds: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Push {
    /// Size of each blob
    #[arg(long, default_value = "1GiB", value_parser = size)]
    pub(crate) size: u64,
    /// Pushes, one after the other
    #[arg(long, default_value = "3", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repeats: u32,
}

#[derive(Debug, Args)]
pub(crate) struct PushChunked {
    #[command(flatten)]
    pub(crate) push: Push,
    /// Size of each chunk
    #[arg(long, default_value = "16MiB", value_parser = size)]
    pub(crate) chunk: u64,
}

#[derive(Debug, Args)]
pub(crate) struct ParallelPush {
    /// Size of each blob
    #[arg(long, default_value = "256MiB", value_parser = size)]
    pub(crate) size: u64,
    /// Connections, each pushing one blob
    #[arg(long, default_value = "64", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: u16,
}

#[derive(Debug, Args)]
pub(crate) struct SmallPushes {
    /// Size of each blob
    #[arg(long, default_value = "4KiB", value_parser = size)]
    pub(crate) size: u64,
    /// Connections, each with one push at a time
    #[arg(long, default_value = "32", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: u16,
    /// Length of the timed window
    #[arg(long, default_value = "10", value_parser = seconds)]
    pub(crate) seconds: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Patches {
    /// PATCH requests
    #[arg(long, default_value = "10000", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,
    /// Size of each
    #[arg(long, default_value = "1KiB", value_parser = size)]
    pub(crate) chunk: u64,
}

#[derive(Debug, Args)]
pub(crate) struct BadLogins {
    /// Logins a second
    #[arg(long, default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: u32,
    /// How many addresses they come from, one after the other
    #[arg(long, default_value = "60000", value_parser = clap::value_parser!(u32).range(1..=65_000))]
    pub(crate) addresses: u32,
    /// How many user names they are for, one after the other. With a single one the hash of a password
    /// is soon computed no more: whoever guesses at it has to wait
    #[arg(long, default_value = "60000", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) users: u32,
    /// Length of the timed window
    #[arg(long, default_value = "10", value_parser = seconds)]
    pub(crate) seconds: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct BlobFile {
    /// Size of the blob
    #[arg(long, default_value = "1GiB", value_parser = size)]
    pub(crate) size: u64,
    /// The web server's root
    pub(crate) root: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The registry that the others are compared with
    #[arg(long, default_value = "ours")]
    pub(crate) ours: String,
    /// A server that is no registry: a measure, no rival
    #[arg(long, value_name = "NAME")]
    pub(crate) yardstick: Vec<String>,
    /// JSON reports
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// Parses `4096`, `4KiB`, `16MiB`, `1GiB`: at least one byte.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => return Err(format!("unknown unit `{other}`: B, KiB, MiB or GiB")),
    };
    let number: u64 = digits.parse().map_err(|_| "not a whole number".to_owned())?;
    number.checked_mul(unit).filter(|&size| size > 0).ok_or_else(|| "out of range".to_owned())
}

/// Parses a whole number of seconds: from one to a day.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("not a whole number of seconds from 1 to 86400".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes_have_binary_units() {
        for (text, bytes) in
            [("1", 1), ("16B", 16), ("4KiB", 4096), ("256MiB", 268_435_456), ("1GiB", 1 << 30)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "0GiB", "KiB", "-1", "1.5GiB", "1GB", "17179869184GiB"] {
            assert!(size(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn seconds_are_bounded() {
        assert_eq!(seconds("10"), Ok(Duration::from_secs(10)));
        for text in ["0", "-1", "1.5", "86401", ""] {
            assert!(seconds(text).is_err(), "{text:?}");
        }
    }
}
