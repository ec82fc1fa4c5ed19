//! Keys in files: who may read them, and what is no key.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use registry_adapters::jwt::{KeyError, KeyRing};
use registry_core::testing::{ManualClock, Seeded};
use rustix::process::geteuid;
use tempfile::TempDir;

use crate::support::{PEM, write};

fn open(path: &Path) -> Result<KeyRing, KeyError> {
    KeyRing::open(path, Arc::new(ManualClock::default()), Seeded::default())
}

fn from_file(path: &Path) -> Result<KeyRing, KeyError> {
    KeyRing::from_pem_file(path, Arc::new(ManualClock::default()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode");
}

/// A directory with a key in it.
fn made() -> (TempDir, PathBuf, PathBuf) {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("data/keys");
    open(&path).expect("keys");
    let mut files =
        fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("one").path());
    let key = files.find(|file| file.extension().is_some_and(|it| it == "pem")).expect("a key");
    (directory, path, key)
}

#[test]
fn nobody_else_has_access_to_what_is_made() {
    let (_directory, path, key) = made();
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&key), 0o600);
    for entry in fs::read_dir(&path).expect("a directory") {
        let file = entry.expect("a file").path();
        assert_eq!(mode(&file) & 0o077, 0, "{file:?}");
    }
    assert!(from_file(&key).is_ok(), "it is a key as any other");
}

#[test]
fn what_others_have_access_to_is_refused_with_what_to_do() {
    for extra in [0o040, 0o020, 0o004, 0o002, 0o001, 0o077] {
        let (_directory, path, key) = made();
        set_mode(&key, 0o600 | extra);
        let error = open(&path).expect_err("exposed");
        let text = error.to_string();
        assert!(matches!(error, KeyError::Exposed { .. }), "{error:?}");
        assert!(text.contains("chmod 600") && text.contains(key.to_str().expect("text")), "{text}");
        set_mode(&key, 0o600);
        set_mode(&path, 0o700 | extra);
        let text = open(&path).expect_err("exposed").to_string();
        assert!(text.contains("chmod 700"), "{text}");
        set_mode(&path, 0o700);
        assert!(open(&path).is_ok());
    }
}

/// Only root can give files away; of whom keys are taken is tested beside the rule for everybody.
#[test]
fn what_belongs_to_somebody_else_is_refused_though_nobody_else_has_access() {
    const NOBODY: u32 = 65534;
    let (_directory, path, key) = made();
    for victim in [&path, &key] {
        assert!(open(&path).is_ok());
        if !geteuid().is_root() {
            continue;
        }
        chown(victim, Some(NOBODY), None).expect("root gives it away");
        let error = open(&path).expect_err("nobody's");
        assert!(matches!(error, KeyError::Owner { owner: NOBODY, me: 0, .. }), "{error:?}");
        assert!(error.to_string().contains("chown 0"), "{error}");
        assert_eq!(from_file(&key).is_ok(), *victim == path);
        chown(victim, Some(0), None).expect("root takes it back");
    }
}

#[test]
fn no_link_is_followed_to_the_directory_or_to_a_key_in_it() {
    let (directory, path, key) = made();
    let aside = directory.path().join("aside");
    for victim in [&path, &key] {
        fs::rename(victim, &aside).expect("moved");
        symlink(&aside, victim).expect("a link");
        let error = open(&path).expect_err("a link");
        assert!(matches!(&error, KeyError::Link { path } if path == victim), "{error:?}");
        fs::remove_file(victim).expect("removed");
        fs::rename(&aside, victim).expect("moved back");
    }
    symlink("nowhere", &aside).expect("a link");
    assert!(matches!(open(&aside), Err(KeyError::Link { .. })), "nothing is made behind it");
    let configured = directory.path().join("configured");
    symlink(&key, &configured).expect("a link");
    assert!(from_file(&configured).is_ok(), "as they are where secrets are mounted");
}

#[tokio::test]
async fn a_directory_that_comes_into_the_place_of_another_is_looked_at_too() {
    let (directory, path, _) = made();
    let clock = Arc::new(ManualClock::default());
    let keys = KeyRing::open(&path, Arc::clone(&clock), Seeded::default()).expect("keys");
    let before = keys.jwks().await;
    let (_other, planted, _) = made();
    set_mode(&planted, 0o755);
    fs::rename(&path, directory.path().join("aside")).expect("moved");
    symlink(&planted, &path).expect("a link");
    clock.advance(Duration::from_secs(61));
    assert_eq!(keys.jwks().await, before);
    assert!(matches!(keys.rotate().await, Err(KeyError::Link { .. })));
    fs::remove_file(&path).expect("removed");
    fs::rename(&planted, &path).expect("moved");
    assert!(matches!(keys.rotate().await, Err(KeyError::Exposed { .. })));
}

#[test]
fn the_group_may_read_a_configured_key_and_nobody_may_write_it() {
    let directory = TempDir::new().expect("a directory");
    for (mode, is_fine) in [
        (0o600, true),
        (0o400, true),
        (0o440, true),
        (0o640, true),
        (0o660, false),
        (0o604, false),
        (0o644, false),
        (0o602, false),
    ] {
        let file = write(directory.path(), "key", PEM, mode);
        let opened = from_file(&file);
        assert_eq!(opened.is_ok(), is_fine, "{mode:o}: {opened:?}");
    }
}

#[test]
fn what_is_no_key_is_refused_with_how_to_make_one() {
    let directory = TempDir::new().expect("a directory");
    for text in ["", "key", &PEM.replace("K2Vw", "K2Vu"), &PEM[..60]] {
        let file = write(directory.path(), "key", text, 0o600);
        let error = from_file(&file).expect_err("no key").to_string();
        assert!(error.contains("openssl genpkey -algorithm ed25519"), "{error}");
    }
    let error = from_file(&directory.path().join("absent")).expect_err("no file");
    assert!(matches!(error, KeyError::Io { .. }), "{error:?}");
    let error = open(&write(directory.path(), "file", "", 0o600)).expect_err("no directory");
    assert!(matches!(error, KeyError::Io { .. }), "{error:?}");
}

#[test]
fn only_keys_that_were_made_here_are_taken() {
    let (_directory, path, key) = made();
    let name = key.file_name().expect("a name").to_str().expect("text").to_owned();
    let id = "A".repeat(43);
    for foreign in [
        "key.pem".to_owned(),
        format!("1700000000.{id}.pem"),
        format!("+1700000000.{id}.pem"),
        format!("{}.{id}.pem", u64::MAX),
        format!("0{name}"),
        ".pem".to_owned(),
        "1700000000..pem".to_owned(),
    ] {
        let file = write(&path, &foreign, PEM, 0o600);
        let error = open(&path).expect_err("foreign");
        assert!(
            matches!(&error, KeyError::Foreign { path } if *path == file),
            "{foreign}: {error}"
        );
        fs::remove_file(file).expect("removed");
    }
    let notes = write(&path, "README", "", 0o644);
    assert!(open(&path).is_ok(), "what is not called a key is nobody's business");
    assert!(notes.exists());
}

#[tokio::test]
async fn what_a_killed_server_left_behind_is_no_key_and_in_nobodys_way() {
    let (_directory, path, _) = made();
    write(&path, "new", &PEM[..40], 0o600);
    let keys = open(&path).expect("keys");
    let added = keys.rotate().await.expect("a key");
    assert!(!path.join("new").exists());
    let again = open(&path).expect("keys");
    assert!(again.jwks().await.contains(&added));
}
