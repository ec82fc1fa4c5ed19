//! The core stays free of runtimes, networks and clouds: what it depends on is a list. The libraries
//! have errors that a caller can tell apart.

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

/// Errors without a type, which a caller cannot tell apart. They are for programs.
const UNTYPED: [&str; 6] =
    ["anyhow", "color-eyre", "eyre", "error-stack", "failure", "stable-eyre"];

#[test]
fn the_core_depends_on_nothing_that_is_not_on_the_list() {
    let named = named_by(env!("CARGO_PKG_NAME"));
    assert!(named.contains("bytes"), "the list was read");
    let strangers: Vec<_> = named.iter().filter(|name| !ALLOWED.contains(&name.as_str())).collect();
    assert!(strangers.is_empty(), "not on the list: {strangers:?}");
}

#[test]
fn every_error_of_a_library_is_of_a_type() {
    for library in [env!("CARGO_PKG_NAME"), "registry-adapters", "registry-http"] {
        let named = named_by(library);
        assert!(named.contains("thiserror"), "the list was read: {named:?}");
        let untyped: Vec<_> = named.iter().filter(|n| UNTYPED.contains(&n.as_str())).collect();
        assert!(untyped.is_empty(), "{library} depends on {untyped:?}");
    }
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

/// What a crate of the workspace names in its manifest, tests aside.
fn named_by(name: &str) -> BTreeSet<String> {
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let package = packages.iter().find(|package| package["name"] == name).expect(name);
    let dependencies = package["dependencies"].as_array().expect("a list of dependencies");
    let named = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
    named.filter_map(|dependency| dependency["name"].as_str()).map(str::to_owned).collect()
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
