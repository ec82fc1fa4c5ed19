use std::{collections::BTreeMap, fmt};

use super::{LoadError, Report, median};

/// A rate is the client's own when the client was busier than this.
const CLIENT_BOUND: f64 = 0.9;

/// Reports of several registries, side by side: for each scenario and registry the median of all its
/// reports, and how ours relates to the best of the others and to each yardstick.
#[derive(Debug)]
pub struct Comparison {
    ours: String,
    /// Ours first, yardsticks last.
    columns: Vec<String>,
    yardsticks: Vec<String>,
    scenarios: Vec<Vec<Report>>,
}

/// A line of the table: what of a report, in which unit, and which way is better.
struct Measure {
    name: &'static str,
    unit: fn(&Report) -> &'static str,
    value: fn(&Report) -> Option<f64>,
    more_is_better: bool,
}

const MEASURES: [Measure; 5] = [
    Measure {
        name: "rate",
        unit: |report| report.work.rate_unit(),
        value: |report| Some(report.rate),
        more_is_better: true,
    },
    Measure {
        name: "server CPU",
        unit: |report| report.work.cost_unit(),
        value: |report| report.cost,
        more_is_better: false,
    },
    Measure {
        name: "p50",
        unit: |_| "ms",
        value: |report| Some(report.latency.p50),
        more_is_better: false,
    },
    Measure {
        name: "p99",
        unit: |_| "ms",
        value: |report| Some(report.latency.p99),
        more_is_better: false,
    },
    Measure {
        name: "anonymous memory",
        unit: |_| "MiB",
        value: |report| Some(report.server?.rss_anon_peak as f64 / f64::from(1 << 20)),
        more_is_better: false,
    },
];

impl Comparison {
    /// Groups the reports. Columns and scenarios come in the order in which the reports name them.
    ///
    /// # Errors
    /// [`LoadError::Parameters`] if reports of one scenario did not do the same.
    pub fn new(reports: Vec<Report>, ours: &str, yardsticks: &[String]) -> Result<Self, LoadError> {
        let mut columns: Vec<String> = Vec::new();
        let mut scenarios: Vec<Vec<Report>> = Vec::new();
        for report in reports {
            if !columns.contains(&report.registry) {
                columns.push(report.registry.clone());
            }
            match scenarios.iter_mut().find(|group| group[0].scenario == report.scenario) {
                Some(group) if group[0].parameters != report.parameters => {
                    return Err(LoadError::Parameters { scenario: report.scenario });
                }
                Some(group) => group.push(report),
                None => scenarios.push(vec![report]),
            }
        }
        let rank = |name: &String| (name != ours, yardsticks.contains(name));
        columns.sort_by_key(rank);
        let yardsticks = columns.iter().filter(|name| yardsticks.contains(name)).cloned().collect();
        Ok(Self { ours: ours.to_owned(), columns, yardsticks, scenarios })
    }

    fn row(&self, group: &[Report], measure: &Measure) -> Vec<String> {
        let medians: BTreeMap<&str, f64> = self
            .columns
            .iter()
            .filter_map(|name| Some((name.as_str(), median_of(group, name, measure.value)?)))
            .collect();
        let ours = medians.get(self.ours.as_str()).copied();
        let ratio = |other: Option<f64>| match (ours, other) {
            (Some(ours), Some(other)) if other > 0.0 => format!("{:.2}", ours / other),
            _ => String::new(),
        };
        let mut row = vec![
            format!("{} {}", group[0].scenario, measure.name),
            (measure.unit)(&group[0]).to_owned(),
        ];
        row.extend(self.columns.iter().map(|name| {
            let value = medians.get(name.as_str()).map(|&value| number(value)).unwrap_or_default();
            if client_bound(group, name) && measure.name == "rate" { value + "*" } else { value }
        }));
        row.push(ratio(self.best_rival(&medians, measure.more_is_better)));
        row.extend(self.yardsticks.iter().map(|name| ratio(medians.get(name.as_str()).copied())));
        row
    }

    fn best_rival(&self, medians: &BTreeMap<&str, f64>, more_is_better: bool) -> Option<f64> {
        let rivals = medians.iter().filter(|(name, _)| {
            **name != self.ours && !self.yardsticks.iter().any(|yardstick| yardstick == *name)
        });
        let values = rivals.map(|(_, &value)| value);
        if more_is_better { values.max_by(f64::total_cmp) } else { values.min_by(f64::total_cmp) }
    }
}

/// A Markdown table, its columns aligned.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut header = vec![String::new(), "unit".to_owned()];
        header.extend(self.columns.iter().cloned());
        header.push(format!("{} ÷ best", self.ours));
        header.extend(self.yardsticks.iter().map(|name| format!("{} ÷ {name}", self.ours)));
        let mut rows = vec![header];
        for group in &self.scenarios {
            rows.extend(MEASURES.iter().map(|measure| self.row(group, measure)));
        }
        let widths: Vec<usize> = (0..rows[0].len())
            .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        rows.insert(1, separator(&widths));
        for row in rows {
            f.write_str("|")?;
            for (index, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                if index < 2 {
                    write!(f, " {cell:<width$} |")?
                } else {
                    write!(f, " {cell:>width$} |")?
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn separator(widths: &[usize]) -> Vec<String> {
    let cell = |(index, &width): (usize, &usize)| match index {
        0 | 1 => "-".repeat(width.max(3)),
        _ => "-".repeat(width.max(3) - 1) + ":",
    };
    widths.iter().enumerate().map(cell).collect()
}

fn median_of(
    group: &[Report],
    registry: &str,
    value: impl Fn(&Report) -> Option<f64>,
) -> Option<f64> {
    median(group.iter().filter(|report| report.registry == registry).filter_map(value).collect())
}

fn client_bound(group: &[Report], registry: &str) -> bool {
    median_of(group, registry, |report| Some(report.client_share))
        .is_some_and(|share| share > CLIENT_BOUND)
}

/// About three significant digits.
fn number(value: f64) -> String {
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::load::{
        outcome::{Outcome, Parameters, Work},
        process::Usage,
        window::Measured,
    };

    /// A pull of 1 GB in so many milliseconds.
    fn pull(registry: &str, milliseconds: u64, cpu_seconds: f64) -> Report {
        let elapsed = Duration::from_millis(milliseconds);
        let server = Some(Usage { cpu_seconds, ..Usage::default() });
        let measured = Measured { elapsed, server, client_cpu: elapsed / 2 };
        let outcome = Outcome {
            scenario: "pull",
            parameters: Parameters::new(),
            work: Work::Bytes,
            bytes: 1_000_000_000,
            latencies: vec![elapsed],
            measured,
        };
        Report::new(registry, 1, outcome)
    }

    fn cells(reports: Vec<Report>, line: &str) -> Vec<String> {
        let comparison = Comparison::new(reports, "ours", &["nginx".to_owned()]).expect("same");
        let table = comparison.to_string();
        let row = table.lines().find(|row| row.contains(line)).expect("a row").to_owned();
        row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    }

    #[test]
    fn ours_is_compared_with_the_best_rival_and_with_each_yardstick() {
        let reports = vec![
            pull("nginx", 250, 0.2),
            pull("slow", 1000, 0.4),
            pull("fast", 500, 0.5),
            pull("ours", 400, 0.3),
        ];
        let header = ["", "unit", "ours", "slow", "fast", "nginx", "ours ÷ best", "ours ÷ nginx"];
        assert_eq!(cells(reports.clone(), "unit"), header);
        let rate = ["pull rate", "MB/s", "2500", "1000", "2000", "4000", "1.25", "0.62"];
        assert_eq!(cells(reports.clone(), "rate"), rate);
        let cost = ["pull server CPU", "s/GB", "0.30", "0.40", "0.50", "0.20", "0.75", "1.50"];
        assert_eq!(cells(reports, "CPU"), cost);
    }

    #[test]
    fn rounds_are_reduced_to_their_median() {
        let reports = vec![pull("ours", 9000, 9.0), pull("ours", 500, 0.3), pull("ours", 400, 0.2)];
        assert_eq!(cells(reports.clone(), "rate")[2], "2000");
        assert_eq!(cells(reports, "CPU")[2], "0.30");
    }

    #[test]
    fn a_registry_without_a_report_has_an_empty_cell_and_no_ratio() {
        let mut push = pull("other", 100, 0.1);
        push.scenario = "push".to_owned();
        let rate = ["push rate", "MB/s", "", "10000", ""];
        assert_eq!(cells(vec![pull("ours", 400, 0.2), push], "push rate"), rate);
    }

    #[test]
    fn a_rate_that_is_the_clients_own_is_marked() {
        let mut report = pull("ours", 400, 0.2);
        report.client_share = 0.95;
        assert_eq!(cells(vec![report], "rate")[2], "2500*");
    }

    #[test]
    fn different_parameters_cannot_be_compared() {
        let mut report = pull("other", 400, 0.2);
        report.parameters.insert("size".to_owned(), 1);
        let result = Comparison::new(vec![pull("ours", 400, 0.2), report], "ours", &[]);
        assert!(matches!(result, Err(LoadError::Parameters { .. })));
    }
}
