//! Which directories can be opened.

use std::fs;

use registry_adapters::filesystem::{Filesystem, OpenError, Options};
use tempfile::TempDir;

fn open(path: &TempDir) -> Result<Filesystem, OpenError> {
    Filesystem::open(path.path(), Options::default())
}

#[test]
fn a_new_directory_and_all_above_it_are_created() {
    let path = TempDir::new().unwrap();
    Filesystem::open(path.path().join("a/b/c"), Options::default()).unwrap();
    assert!(path.path().join("a/b/c/data").is_dir());
}

#[test]
fn one_at_a_time_has_it_open() {
    let path = TempDir::new().unwrap();
    let first = open(&path).unwrap();
    let contents = first.contents();
    let refused = open(&path).unwrap_err();
    assert!(matches!(refused, OpenError::Busy(_)));
    assert_eq!(
        refused.to_string(),
        format!("{} is in use by another registry", path.path().display())
    );
    drop(first);
    assert!(matches!(open(&path), Err(OpenError::Busy(_))), "its contents are still in use");
    drop(contents);
    open(&path).unwrap();
}

#[test]
fn a_directory_with_something_else_in_it_is_refused_and_left_alone() {
    let path = TempDir::new().unwrap();
    fs::write(path.path().join("thesis.tex"), "years of work").unwrap();
    let refused = open(&path).unwrap_err();
    assert!(matches!(&refused, OpenError::Foreign { found, .. } if found == "thesis.tex"));
    assert_eq!(fs::read_dir(path.path()).unwrap().count(), 1);
}

#[test]
fn the_root_of_a_file_system_is_no_foreign_directory() {
    let path = TempDir::new().unwrap();
    fs::create_dir(path.path().join("lost+found")).unwrap();
    open(&path).unwrap();
}

#[test]
fn what_a_newer_registry_wrote_is_refused() {
    let path = TempDir::new().unwrap();
    drop(open(&path).unwrap());
    fs::write(path.path().join(".registry~/format"), "2\n").unwrap();
    let refused = open(&path).unwrap_err();
    assert!(matches!(&refused, OpenError::Format { found, .. } if found == "2"), "{refused}");
}

#[test]
fn a_directory_that_was_prepared_by_half_is_prepared_again() {
    let path = TempDir::new().unwrap();
    drop(open(&path).unwrap());
    fs::write(path.path().join(".registry~/format"), "").unwrap();
    fs::remove_dir_all(path.path().join("data")).unwrap();
    drop(open(&path).unwrap());
    assert_eq!(fs::read(path.path().join(".registry~/format")).unwrap(), b"1\n");
    assert_eq!(fs::read_dir(path.path().join("data")).unwrap().count(), 256);
}

#[test]
fn a_path_that_is_no_directory_is_refused_in_one_sentence() {
    let path = TempDir::new().unwrap();
    let file = path.path().join("file");
    fs::write(&file, "").unwrap();
    for bad in [file.clone(), file.join("below")] {
        let refused = Filesystem::open(&bad, Options::default()).unwrap_err().to_string();
        assert!(refused.starts_with("cannot open /") && !refused.contains('\n'), "{refused}");
    }
}

#[test]
fn what_the_process_before_did_not_finish_is_removed() {
    let path = TempDir::new().unwrap();
    drop(open(&path).unwrap());
    let own = path.path().join(".registry~");
    fs::write(own.join("temporary/7"), "half a record").unwrap();
    fs::create_dir_all(own.join("volatile/an-earlier-boot/upload")).unwrap();
    fs::write(own.join("volatile/an-earlier-boot/upload/x!"), "{}").unwrap();
    drop(open(&path).unwrap());
    assert_eq!(fs::read_dir(own.join("temporary")).unwrap().count(), 0);
    assert!(!own.join("volatile/an-earlier-boot").exists());
}
