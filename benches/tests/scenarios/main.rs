//! Every scenario against a registry in memory that believes nothing: it checks each digest.

mod fake;

use std::{collections::BTreeMap, path::PathBuf};

use clap::Parser;
use fake::FakeRegistry;
use registry_benches::load::{self, LoadError, Report, arguments::Arguments};
use tempfile::TempDir;

/// Runs the tool as its command line would.
fn load(arguments: &[&str]) -> Result<String, LoadError> {
    let line = ["load"].into_iter().chain(arguments.iter().copied());
    load::run(&Arguments::parse_from(line)).map(|output| output.to_string())
}

/// Runs a scenario with this process as the server's, and returns its JSON report.
fn report(registry: &FakeRegistry, arguments: &[&str]) -> Report {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("report.json");
    let pid = std::process::id().to_string();
    let common =
        ["--url", &registry.url(), "--pid", &pid, "--json", file.to_str().expect("a UTF-8 path")];
    load(&[arguments, &common].concat()).expect("a measured scenario");
    serde_json::from_slice(&std::fs::read(file).expect("a report")).expect("JSON")
}

#[test]
fn pull_pushes_the_blob_once_and_reads_it_as_often_as_asked_and_once_to_warm_up() {
    let registry = FakeRegistry::start();
    let pull = ["pull", "--size", "5MiB", "--repeats", "3", "--connections", "2"];
    let report = report(&registry, &pull);
    assert_eq!((report.operations, report.bytes), (6, 6 * (5 << 20)));
    assert!(report.rate > 0.0 && report.latency.p50 <= report.latency.p99);
    assert_eq!(
        registry.answers(),
        BTreeMap::from([
            ("GET 200".to_owned(), 8),
            ("HEAD 404".to_owned(), 1),
            ("POST 202".to_owned(), 1),
            ("PUT 201".to_owned(), 1),
        ])
    );
}

#[test]
fn manifests_are_read_by_tag_until_the_time_is_over() {
    let registry = FakeRegistry::start();
    for (scenario, method) in [("manifest-get", "GET 200"), ("manifest-head", "HEAD 200")] {
        let report = report(&registry, &[scenario, "--seconds", "1", "--connections", "2"]);
        assert_eq!(report.scenario, scenario);
        assert!(report.seconds >= 1.0);
        let answered = registry.answers()[method];
        assert!(report.operations > 0 && report.operations <= answered, "{answered}");
    }
}

#[test]
fn pushes_send_different_blobs_of_the_size_asked_for() {
    for (arguments, requests) in [
        (&["push-monolithic", "--repeats", "2"][..], [("POST 202", 2), ("PUT 201", 2)].as_slice()),
        (&["push-single-post", "--repeats", "2"], &[("POST 201", 2)]),
        (
            &["push-chunked", "--repeats", "2", "--chunk", "400KiB"],
            &[("PATCH 202", 6), ("POST 202", 2), ("PUT 201", 2)],
        ),
        (&["parallel-push", "--connections", "2"], &[("POST 202", 2), ("PUT 201", 2)]),
    ] {
        let registry = FakeRegistry::start();
        let report = report(&registry, &[arguments, &["--size", "1MiB"]].concat());
        assert_eq!((report.operations, report.bytes), (2, 2 << 20), "{arguments:?}");
        let expected = requests.iter().map(|&(answer, count)| (answer.to_owned(), count));
        assert_eq!(registry.answers(), expected.collect(), "{arguments:?}");
        assert_eq!(registry.blob_sizes(), [1 << 20, 1 << 20], "{arguments:?}");
    }
}

#[test]
fn small_pushes_put_a_manifest_for_each_blob() {
    let registry = FakeRegistry::start();
    let report = report(&registry, &["small-pushes", "--seconds", "1", "--connections", "3"]);
    assert!(report.operations > 0);
    assert_eq!(registry.blob_sizes().len() as u64, report.operations);
    assert_eq!(registry.tags() as u64, report.operations);
}

#[test]
fn patches_make_one_blob_and_tell_the_first_thousand_from_the_last() {
    let registry = FakeRegistry::start();
    let report = report(&registry, &["patches", "--count", "1500", "--chunk", "64B"]);
    assert_eq!(report.operations, 1500);
    assert_eq!(registry.blob_sizes(), [1500 * 64]);
    let (first, last) = report.first_and_last_thousand.expect("both");
    assert!(first > 0.0 && last > 0.0 && first + last < 2.0 * report.seconds);
}

#[test]
fn an_unexpected_answer_ends_the_run_and_is_shown() {
    let registry = FakeRegistry::start();
    let error = load(&["pull", "--url", &format!("{}/elsewhere", registry.url())]);
    let Err(LoadError::Status { found, body, .. }) = error else { panic!("{error:?}") };
    assert_eq!((found.as_u16(), body.as_str()), (400, ""));
}

#[test]
fn a_blob_file_is_what_a_pull_asks_for() {
    let root = TempDir::new().expect("a folder");
    let path = PathBuf::from(
        load(&["blob-file", "--size", "100KiB", root.path().to_str().expect("UTF-8")])
            .expect("a file"),
    );
    let registry = FakeRegistry::start();
    report(&registry, &["pull", "--size", "100KiB", "--repeats", "1"]);
    let name = path.file_name().and_then(|name| name.to_str()).expect("a digest");
    assert_eq!(registry.blob(name), std::fs::read(&path).ok());
    assert!(path.starts_with(root.path().join("v2/load/test/blobs")));
}

#[test]
fn reports_become_one_table() {
    let registry = FakeRegistry::start();
    let folder = TempDir::new().expect("a folder");
    let files = ["ours", "other"].map(|name| {
        let file = folder.path().join(name).to_str().expect("UTF-8").to_owned();
        let push = ["push-monolithic", "--size", "1KiB", "--repeats", "1"];
        load(&[&push[..], &["--url", &registry.url(), "--name", name, "--json", &file]].concat())
            .expect("a report");
        file
    });
    let table = load(&["compare", &files[1], &files[0]]).expect("a table");
    assert!(table.starts_with("|"), "{table}");
    assert!(table.contains("ours | other | ours ÷ best"), "{table}");
    assert!(table.contains("push-monolithic rate"), "{table}");
}
