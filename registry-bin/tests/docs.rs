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
