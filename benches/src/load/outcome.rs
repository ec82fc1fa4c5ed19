//! What a scenario hands on to its report.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::window::Measured;

/// What a scenario did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) scenario: &'static str,
    pub(crate) parameters: Parameters,
    pub(crate) work: Work,
    /// Blob bytes moved.
    pub(crate) bytes: u64,
    /// The time of each operation; in order where one client made them.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) measured: Measured,
}

/// What a scenario was asked to do, by name: sizes in bytes, counts, seconds.
pub type Parameters = BTreeMap<String, u64>;

/// What a rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Work {
    /// Megabytes (10^6 bytes).
    Bytes,
    /// Operations.
    Operations,
}

impl Work {
    /// The unit of a rate.
    pub fn rate_unit(self) -> &'static str {
        match self {
            Self::Bytes => "MB/s",
            Self::Operations => "/s",
        }
    }

    /// The unit of the processor time that a piece of work costs.
    pub fn cost_unit(self) -> &'static str {
        match self {
            Self::Bytes => "s/GB",
            Self::Operations => "µs each",
        }
    }

    pub(super) fn rate(self, operations: u64, bytes: u64, seconds: f64) -> f64 {
        match self {
            Self::Bytes => bytes as f64 / 1e6 / seconds,
            Self::Operations => operations as f64 / seconds,
        }
    }

    pub(super) fn cost(self, operations: u64, bytes: u64, cpu_seconds: f64) -> f64 {
        match self {
            Self::Bytes => cpu_seconds / (bytes as f64 / 1e9),
            Self::Operations => cpu_seconds * 1e6 / operations as f64,
        }
    }
}
