//! The OCI image layout, which clients read images from and write them to.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::image::Image;

/// Writes `image` as a layout of its own below `dir`, named `tag` there.
pub(crate) fn write(dir: &Path, image: &Image, tag: &str) -> PathBuf {
    let layout = dir.join(format!("layout-{tag}"));
    for (digest, bytes) in image.contents() {
        let path = blob(&layout, digest);
        fs::create_dir_all(path.parent().expect("blobs have a directory")).expect("a directory");
        fs::write(path, bytes).expect("a blob");
    }
    let mut root = image.descriptor();
    root["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
    let index = json!({"schemaVersion": 2, "manifests": [root]});
    fs::write(layout.join("index.json"), index.to_string()).expect("an index");
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("a version");
    layout
}

/// Writes the same as one tar file.
pub(crate) fn archive(dir: &Path, image: &Image, tag: &str) -> PathBuf {
    let path = dir.join(format!("layout-{tag}.tar"));
    let mut archive = tar::Builder::new(File::create(&path).expect("a file"));
    archive.append_dir_all(".", write(dir, image, tag)).expect("an archive");
    archive.finish().expect("an archive");
    path
}

/// Asserts that `layout` names `image` as its only root and has each of its contents.
pub(crate) fn assert_holds(layout: &Path, image: &Image) {
    let index = fs::read(layout.join("index.json")).expect("an index");
    let index: Value = serde_json::from_slice(&index).expect("an index is JSON");
    let roots: Vec<_> = index["manifests"].as_array().expect("manifests").iter().collect();
    assert_eq!(roots.len(), 1, "{index}");
    assert_eq!(roots[0]["digest"], image.digest(), "{index}");
    for (digest, bytes) in image.contents() {
        let found = fs::read(blob(layout, digest)).unwrap_or_else(|e| panic!("{digest}: {e}"));
        assert!(found == *bytes, "{digest} came back changed");
    }
}

fn blob(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs").join(digest.replace(':', "/"))
}
