//! The documents say what is true.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The Rust code blocks of a document.
fn blocks(text: &str) -> Vec<&str> {
    text.split("\n```rust\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

#[test]
fn the_readme_embeds_as_the_example_does() {
    let readme = read("README.md");
    assert_eq!(blocks(&readme), [read("registry-http/examples/embed.rs").trim_end()]);
}

#[test]
fn every_link_to_a_file_leads_to_one() {
    let docs = fs::read_dir(root().join("docs")).expect("docs");
    let docs = docs.map(|entry| entry.expect("an entry").path());
    for document in docs.chain([root().join("README.md"), root().join("CHANGELOG.md")]) {
        let text = read(&document);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let path = target.split('#').next().unwrap_or_default();
            let file = document.parent().expect("a directory").join(path);
            assert!(file.exists(), "{}: {target}", document.display());
        }
    }
}

#[test]
fn every_file_that_a_document_names_is_there() {
    let architecture = read("docs/ARCHITECTURE.md");
    let quoted = architecture.split('`').skip(1).step_by(2);
    let named: Vec<_> = quoted.filter(|text| text.ends_with(".rs")).collect();
    assert!(named.len() > 5, "{named:?}");
    let sources = sources(&root());
    for name in named {
        let there = sources.iter().any(|path| path.ends_with(name));
        assert!(there, "docs/ARCHITECTURE.md names {name}");
    }
}

#[test]
fn every_test_that_the_threats_name_is_there() {
    let security = read("docs/SECURITY.md");
    let sources = sources(&root());
    for (file, test) in named_tests(&security) {
        let is_it = |path: &&PathBuf| path.ends_with(file) && has_test(&read(path), test);
        let found: Vec<_> = sources.iter().filter(is_it).collect();
        assert_eq!(found.len(), 1, "docs/SECURITY.md names {file}::{test}, which is {found:?}");
    }
}

#[test]
fn every_threat_has_a_test() {
    let security = read("docs/SECURITY.md");
    let (_, threats) = security.split_once("\n## Threats\n").expect("the threats");
    let (threats, _) = threats.split_once("\n## ").expect("a section after them");
    let rows: Vec<_> = threats.lines().filter(|line| line.starts_with("| ")).collect();
    let rows: Vec<_> = rows.into_iter().filter(|row| !row.starts_with("| threat")).collect();
    assert!(rows.len() > 30, "{} threats", rows.len());
    for row in rows {
        assert_ne!(named_tests(row).count(), 0, "no test is named in {row}");
    }
}

/// What is quoted as `file.rs::test`.
fn named_tests(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|text| text.split_once("::")).filter(|(file, _)| file.ends_with(".rs"))
}

/// Whether a source has a function of this name that is run as a test, by an attribute or by a macro
/// in whose list it is.
fn has_test(source: &str, name: &str) -> bool {
    let Some((before, _)) = source.split_once(&format!("fn {name}(")) else { return false };
    let above = before.rsplit_once('\n').map_or("", |(above, _)| above);
    let attributes = above.lines().rev().map(str::trim).take_while(|line| !line.is_empty());
    let is_marked =
        attributes.take(5).any(|line| line == "#[test]" || line.starts_with("#[tokio::test"));
    is_marked || source.lines().any(|line| line.trim() == format!("{name},"))
}

/// Every source file of the crates.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(sources(&path));
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
    found
}
