//! oras' client for Python, driven by the script beside this file.

use std::fs;

use serde_json::{Value, json};

use super::image::Image;
use super::program::{Program, missed};
use super::registry::Registry;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/oras_calls.py");

pub(crate) fn oras() -> Option<Program> {
    let install = "pip install oras==0.2.43, in the environment whose python3 comes first";
    let python = Program::find("python3", install)?;
    let probe = python.command().args(["-c", "import oras.client"]).output();
    let found = probe.is_ok_and(|output| output.status.success());
    if found {
        Some(python.always([SCRIPT]))
    } else {
        missed(&format!("oras for Python is not installed ({install})"))
    }
}

async fn call(oras: &Program, args: &[&str]) -> Value {
    let printed = oras.run(args).await;
    // The client announces a push on the same stream, before the result.
    let result = printed.lines().last().unwrap_or_default();
    serde_json::from_str(result).unwrap_or_else(|e| panic!("{e}: {printed}"))
}

#[tokio::test]
async fn oras_pushes_and_pulls_files() {
    let Some(oras) = oras() else { return };
    let registry = Registry::start();
    let repository = registry.repository("oras/files");
    let noise = Image::new("oras files").layers()[1].bytes.clone();
    fs::write(oras.home().join("noise.bin"), &noise).expect("a file");
    for (action, tag) in [("push", "v1"), ("push_in_chunks", "v2")] {
        let target = repository.tagged(tag);
        let digest = call(&oras, &[action, &registry.authority, &target, "noise.bin"]).await;
        assert_eq!(digest, repository.digest(tag).await, "{action}");
        let files = call(&oras, &["pull", &registry.authority, &target, tag]).await;
        let file = files[0].as_str().expect("a file");
        let pulled = fs::read(oras.home().join(file)).expect("a file");
        assert!(pulled == noise, "the file came back changed after {action}");
    }
}

#[tokio::test]
async fn oras_lists_tags_page_by_page_and_deletes() {
    let Some(oras) = oras() else { return };
    let registry = Registry::start();
    let repository = registry.repository("oras/tags");
    for tag in ["c", "a", "b"] {
        repository.push(&Image::new(&format!("oras tag {tag}")), tag).await;
    }
    let name = repository.named();
    let all = json!(["a", "b", "c"]);
    assert_eq!(call(&oras, &["tags", &registry.authority, &name]).await, all);
    assert_eq!(call(&oras, &["tags", &registry.authority, &name, "2"]).await, json!(["a", "b"]));
    let deleted = call(&oras, &["delete", &registry.authority, &name, "a", "c"]).await;
    assert_eq!(deleted, json!(["a", "c"]));
    assert_eq!(call(&oras, &["tags", &registry.authority, &name]).await, json!(["b"]));
}

#[tokio::test]
async fn oras_attaches_an_artifact_to_an_image() {
    let Some(oras) = oras() else { return };
    let registry = Registry::start();
    let repository = registry.repository("oras/artifact");
    let image = Image::new("oras subject");
    repository.push(&image, "v1").await;
    fs::write(oras.home().join("note.txt"), "by oras").expect("a file");
    let (target, size) = (repository.tagged("note"), image.manifest.bytes.len().to_string());
    let attach = ["attach", &registry.authority, &target, "note.txt"];
    let attach = [&attach[..], &[image.media_type, image.digest(), &size]].concat();
    assert_eq!(call(&oras, &attach).await, image.digest());
    assert_eq!(repository.referrers(image.digest()).await, [repository.digest("note").await]);
}
