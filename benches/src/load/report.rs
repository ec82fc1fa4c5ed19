use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Usage,
    outcome::{Outcome, Parameters, Work},
    statistics::{first_and_last, percentile},
};

/// One scenario, measured once on one registry. Its JSON is what `--json` writes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The registry's name, as given by `--name`.
    pub registry: String,
    /// The scenario's name.
    pub scenario: String,
    /// What was asked for.
    pub parameters: Parameters,
    /// What the rate counts.
    pub work: Work,
    /// Operations done: pulls, pushes, or requests.
    pub operations: u64,
    /// Blob bytes moved.
    pub bytes: u64,
    /// The length of the timed window, in seconds.
    pub seconds: f64,
    /// Time of an operation as the client saw it.
    pub latency: Latency,
    /// What the registry's process spent, if `--pid` named it.
    pub server: Option<Usage>,
    /// Work done in a second, in [`Work::rate_unit`].
    pub rate: f64,
    /// The server's processor time for a piece of work, in [`Work::cost_unit`].
    pub cost: Option<f64>,
    /// How much of the threads it may use this tool was busy, from 0 to 1.
    pub client_share: f64,
    /// For `patches`: the time of the first and of the last thousand, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_and_last_thousand: Option<(f64, f64)>,
}

/// Latency of an operation, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Latency {
    /// Half of all operations took no longer.
    pub p50: f64,
    /// 99 % of all operations took no longer.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

impl Report {
    /// Sums up what a scenario did on the registry of that name, with that many client threads.
    pub(crate) fn new(registry: &str, threads: u16, outcome: Outcome) -> Self {
        let Outcome { scenario, parameters, work, bytes, mut latencies, measured } = outcome;
        let (first, last) = first_and_last(&latencies, 1000);
        latencies.sort_unstable();
        let operations = latencies.len() as u64;
        let seconds = measured.elapsed.as_secs_f64();
        Self {
            registry: registry.to_owned(),
            scenario: scenario.to_owned(),
            parameters,
            work,
            operations,
            bytes,
            seconds,
            rate: work.rate(operations, bytes, seconds),
            cost: measured.server.map(|server| work.cost(operations, bytes, server.cpu_seconds)),
            client_share: measured.client_cpu.as_secs_f64() / seconds / f64::from(threads),
            latency: Latency::of(&latencies),
            server: measured.server,
            first_and_last_thousand: (scenario == "patches")
                .then_some((first.as_secs_f64(), last.as_secs_f64())),
        }
    }
}

impl Latency {
    fn of(sorted: &[Duration]) -> Self {
        let milliseconds = |percent| percentile(sorted, percent).as_secs_f64() * 1e3;
        Self { p50: milliseconds(50.0), p99: milliseconds(99.0), max: milliseconds(100.0) }
    }
}

/// A table of one report.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { latency, work, .. } = self;
        writeln!(f, "{} · {}", self.registry, self.scenario)?;
        writeln!(f, "  operations       {} in {:.2} s", self.operations, self.seconds)?;
        writeln!(f, "  rate             {:.1} {}", self.rate, work.rate_unit())?;
        writeln!(f, "  p50 / p99 / max  {latency}")?;
        if let (Some(server), Some(cost)) = (self.server, self.cost) {
            writeln!(f, "  server CPU       {cost:.2} {}", work.cost_unit())?;
            writeln!(f, "  server memory    {server}")?;
        }
        if let Some((first, last)) = self.first_and_last_thousand {
            writeln!(f, "  first thousand   {first:.3} s")?;
            writeln!(f, "  last thousand    {last:.3} s")?;
        }
        write!(f, "  client CPU       {:.0} % of its threads", self.client_share * 100.0)
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} / {:.2} / {:.2} ms", self.p50, self.p99, self.max)
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        write!(
            f,
            "{:.1} MiB anonymous at the peak, {:.1} idle; {:.1} resident with mapped files",
            mebibytes(self.rss_anon_peak),
            mebibytes(self.rss_anon_idle),
            mebibytes(self.resident_peak),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::window::Measured;

    fn report(scenario: &'static str, work: Work) -> Report {
        let usage = Usage { cpu_seconds: 0.5, rss_anon_peak: 3 << 20, ..Usage::default() };
        let measured = Measured {
            elapsed: Duration::from_secs(2),
            server: Some(usage),
            client_cpu: Duration::from_secs(1),
        };
        let latencies = (1..=4).rev().map(Duration::from_millis).collect();
        let parameters = Parameters::from([("size".to_owned(), 500_000_000)]);
        let bytes = 2_000_000_000;
        Report::new("ours", 2, Outcome { scenario, parameters, work, bytes, latencies, measured })
    }

    #[test]
    fn bytes_are_counted_in_decimal_megabytes_and_gigabytes() {
        let report = report("pull", Work::Bytes);
        assert_eq!((report.rate, report.cost), (1000.0, Some(0.25)));
    }

    #[test]
    fn operations_are_counted_each() {
        let report = report("manifest-get", Work::Operations);
        assert_eq!((report.rate, report.cost), (2.0, Some(125_000.0)));
        assert_eq!((report.latency.p50, report.latency.p99), (2.0, 4.0));
    }

    #[test]
    fn the_client_share_counts_all_its_threads() {
        assert_eq!(report("pull", Work::Bytes).client_share, 0.25);
    }

    #[test]
    fn only_patches_tell_their_first_from_their_last() {
        assert_eq!(report("pull", Work::Bytes).first_and_last_thousand, None);
        let both = report("patches", Work::Operations).first_and_last_thousand;
        assert_eq!(both, Some((0.01, 0.01)));
    }

    #[test]
    fn json_and_back_is_the_same_report() {
        let report = report("patches", Work::Operations);
        let json = serde_json::to_value(&report).expect("JSON");
        let back: Report = serde_json::from_value(json.clone()).expect("a report");
        assert_eq!(serde_json::to_value(back).expect("JSON"), json);
        assert_eq!(json["latency"]["p50"], 2.0);
        assert_eq!(json["server"]["rss_anon_peak"], 3 << 20);
    }
}
