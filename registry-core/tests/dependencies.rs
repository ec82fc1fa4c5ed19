//! The core stays free of runtimes, networks and clouds: what it depends on is a list.

use std::{collections::BTreeSet, process::Command};

/// What the core may name in its manifest.
const ALLOWED: [&str; 12] = [
    "async-trait",
    "auto_impl",
    "bytes",
    "futures",
    "futures-core",
    "hex",
    "oci-spec",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
    "tracing",
];

/// What must be nowhere below it: the beginnings of names.
const BANNED: [&str; 13] = [
    "async-std",
    "aws",
    "axum",
    "h2",
    "http",
    "hyper",
    "mio",
    "native-tls",
    "openssl",
    "reqwest",
    "rustls",
    "socket2",
    "tokio",
];

#[test]
fn the_core_depends_on_nothing_that_is_not_on_the_list() {
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let core = packages.iter().find(|package| package["name"] == env!("CARGO_PKG_NAME"));
    let dependencies = core.expect("the core is a package")["dependencies"].as_array();
    let named: BTreeSet<&str> = dependencies
        .expect("a list of dependencies")
        .iter()
        .filter(|dependency| dependency["kind"].is_null())
        .filter_map(|dependency| dependency["name"].as_str())
        .collect();
    assert!(named.contains("bytes"), "the list was read");
    let strangers: Vec<_> = named.iter().filter(|name| !ALLOWED.contains(name)).collect();
    assert!(strangers.is_empty(), "not on the list: {strangers:?}");
}

#[test]
fn no_runtime_and_no_network_is_below_the_core() {
    for features in ["", "testing"] {
        let tree = cargo(&[
            "tree",
            "--package",
            env!("CARGO_PKG_NAME"),
            "--features",
            features,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ]);
        assert!(tree.lines().any(|line| line.starts_with("bytes ")), "the tree was read:\n{tree}");
        let banned: Vec<_> = tree
            .lines()
            .filter(|line| BANNED.iter().any(|banned| line.starts_with(banned)))
            .collect();
        assert!(banned.is_empty(), "below the core with features {features:?}: {banned:?}");
    }
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}
