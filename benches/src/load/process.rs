use std::{fs, io, time::Duration};

use serde::{Deserialize, Serialize};

/// The kernel reports processor time to user space in this many ticks a second on every
/// architecture that Rust's standard library supports on Linux (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// What a process has used until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessSample {
    /// Processor time in user and kernel mode, of all its threads also those that ended.
    pub cpu: Duration,
    /// Anonymous memory (`RssAnon`), in bytes: what the process itself allocated.
    pub rss_anon: u64,
    /// The most that was ever resident (`VmHWM`), in bytes, with mapped files.
    pub resident_peak: u64,
}

impl ProcessSample {
    /// Reads `/proc/PID`.
    ///
    /// # Errors
    /// There is no such process, or it is another system than Linux.
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        Self::parse(&stat, &status).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }

    /// Parses the texts of `/proc/PID/stat` and `/proc/PID/status` (proc(5)).
    pub fn parse(stat: &str, status: &str) -> Option<Self> {
        Some(Self {
            cpu: cpu(stat)?,
            rss_anon: kibibytes(status, "RssAnon:")?,
            resident_peak: kibibytes(status, "VmHWM:")?,
        })
    }
}

/// What a process used between two samples, and its peaks in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Usage {
    /// Processor time, in seconds.
    pub cpu_seconds: f64,
    /// Anonymous memory before the tool sent anything, in bytes.
    pub rss_anon_idle: u64,
    /// The highest sample of anonymous memory, in bytes.
    pub rss_anon_peak: u64,
    /// The kernel's own peak of resident memory, in bytes, with mapped files.
    pub resident_peak: u64,
}

/// Lets the kernel count `VmHWM` from now. It may refuse (a process of another user); the peak then
/// is that of the process's whole life.
pub(crate) fn reset_peak(pid: u32) {
    let _refused = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// Fields 14 (`utime`) and 15 (`stime`). Field 2 is the program's name in parentheses, which may
/// contain anything: counting begins behind the last one.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(14 - 3);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND))
}

fn kibibytes(status: &str, key: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(key))?;
    let number: u64 = value.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(number * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "4242 (a) b (c) S 1 4242 4242 0 -1 4194560 1361 0 3 0 250 125 7 8 20 0 4 0 \
                        8675309 1137684480 2671 18446744073709551615 1 1 0 0 0 0 0 4096 17475 0 0";
    const STATUS: &str = "Name:\tregistry\nUmask:\t0022\nVmPeak:\t 1111020 kB\nVmHWM:\t   10684 kB\n\
                          VmRSS:\t   10000 kB\nRssAnon:\t    2048 kB\nRssFile:\t    7952 kB\nThreads:\t4\n";

    #[test]
    fn a_program_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let sample = ProcessSample::parse(STAT, STATUS).expect("a sample");
        assert_eq!(sample.cpu, Duration::from_millis(3750));
        assert_eq!(sample.rss_anon, 2048 * 1024);
        assert_eq!(sample.resident_peak, 10684 * 1024);
    }

    #[test]
    fn a_text_without_the_fields_is_no_sample() {
        for (stat, status) in
            [("", STATUS), ("1 (x) S 1 2", STATUS), (STAT, ""), (STAT, "VmHWM: 1 kB\nRssAnon: 1\n")]
        {
            assert_eq!(ProcessSample::parse(stat, status), None, "{stat:?} {status:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_running_process_can_be_read() {
        let sample = ProcessSample::of(std::process::id()).expect("own process");
        assert!(sample.rss_anon > 0);
        assert!(sample.resident_peak >= sample.rss_anon);
    }
}
