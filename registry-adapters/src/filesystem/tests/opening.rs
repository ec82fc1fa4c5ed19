//! Opening a directory.

use std::fs;

use registry_core::ports::StoreErrorKind;
use rustix::io::Errno;

use super::*;

#[tokio::test]
async fn a_failed_sync_stops_the_writing_until_the_machine_is_started_anew() {
    let fixture = Fixture::new();
    let store = fixture.open().unwrap();
    let (records, contents) = (store.records(), store.contents());
    let (before, cut_short) = (key("tag/r/before"), key("tag/r/cut-short"));
    create(&records, &before, "kept").await;
    assert!(store.is_writable());
    // create, write, sync, enter, read, rename, sync
    fixture.seam.fail(6, Fault::Refused(Errno::IO));
    let failed = records.put(&cut_short, record("?"), Expect::Absent).await.unwrap_err();
    assert_eq!(failed.kind(), StoreErrorKind::Other);
    fixture.seam.heal();
    assert!(!store.is_writable(), "though the disk is well again");
    let stopped = StoreErrorKind::Unavailable { retry_after: None };
    let refused = records.put(&key("tag/r/after"), record(""), Expect::Absent).await.unwrap_err();
    assert_eq!(refused.kind(), stopped);
    let refused = writer(&contents, &id(), &Checkpoint::START).await.err().unwrap();
    assert_eq!(refused.kind(), stopped);
    assert_eq!(body(&records, &before).await.unwrap(), Some("kept".into()), "reads go on");
    let unknown = body(&records, &cut_short).await.unwrap_err();
    assert_eq!(unknown.kind(), stopped, "neither state is shown");
    drop((store, records, contents));
    let error = fixture.open().unwrap_err();
    assert!(matches!(error, OpenError::SyncFailed(_)), "{error}");
    fixture.seam.reboot();
    let records = fixture.open().unwrap().records();
    assert_eq!(body(&records, &before).await.unwrap(), Some("kept".into()));
    create(&records, &key("tag/r/after"), "").await;
}

#[tokio::test]
async fn after_a_kill_everything_is_synced_once() {
    let fixture = Fixture::new();
    let store = fixture.open().unwrap();
    assert!(!fixture.seam.log().contains(&"sync all".to_owned()), "there is nothing yet");
    drop(store);
    drop(fixture.open().unwrap());
    assert!(!fixture.seam.log().contains(&"sync all".to_owned()), "it was closed");
    // What a killed process leaves: the mark of the last close is gone.
    fs::remove_file(fixture.path.path().join(".registry~/synced")).unwrap();
    drop(fixture.open().unwrap());
    assert!(fixture.seam.log().contains(&"sync all".to_owned()));
    drop(fixture.open_with(Options::new(Durability::ProcessSafe)).unwrap());
    assert!(!fixture.seam.log().contains(&"sync all".to_owned()), "nothing was promised");
    drop(fixture.open().unwrap());
    assert!(fixture.seam.log().contains(&"sync all".to_owned()), "now it is");
}

#[test]
fn a_file_system_that_ignores_case_is_refused() {
    let fixture = Fixture::new();
    fixture.seam.ignore_case();
    assert!(matches!(fixture.open(), Err(OpenError::IgnoresCase(_))));
}

#[test]
fn a_kernel_that_cannot_open_beneath_a_directory_is_refused_with_the_version_that_is_needed() {
    for errno in [Errno::NOSYS, Errno::PERM] {
        let fixture = Fixture::new();
        // open the root, list, make, enter
        fixture.seam.fail(3, Fault::Refused(errno));
        let error = fixture.open().unwrap_err();
        assert!(matches!(error, OpenError::Kernel), "{error:?}");
        assert!(error.to_string().contains("Linux 5.8"), "a syncfs of older ones hides failures");
    }
}

/// A new directory, or one whose process was killed.
fn directory(killed: bool) -> Fixture {
    let fixture = Fixture::new();
    if killed {
        drop(fixture.open().unwrap());
        fs::remove_file(fixture.path.path().join(".registry~/synced")).unwrap();
    }
    fixture.seam.log();
    fixture
}

#[test]
fn each_call_of_opening_may_fail_and_only_a_failed_sync_keeps_the_next_opening_from_working() {
    for killed in [false, true] {
        let fixture = directory(killed);
        drop(fixture.open().unwrap());
        let calls = fixture.seam.log();
        assert_eq!(calls.contains(&"sync all".to_owned()), killed);
        for (call, name) in calls.iter().enumerate() {
            let sync = name.starts_with("sync");
            // Most of them make folders, one like another, and a kill changes nothing in that.
            let like_another = (40..calls.len() - 20).contains(&call) && call % 61 != 0;
            if !sync && (like_another || killed) {
                continue;
            }
            for errno in [Errno::IO, Errno::NOSPC, Errno::ACCESS] {
                let fixture = directory(killed);
                fixture.seam.fail(call, Fault::Refused(errno));
                match fixture.open() {
                    Err(OpenError::SyncFailed(_)) => assert!(sync, "{name}"),
                    Err(error) => assert!(!sync && !error.to_string().contains('\n'), "{error}"),
                    // The reserve is not needed to open, nor is the mark of the end.
                    Ok(store) => {
                        drop(store);
                        assert!(!sync, "{name}");
                    }
                }
                fixture.seam.heal();
                if sync {
                    let error = fixture.open().unwrap_err();
                    assert!(matches!(error, OpenError::SyncFailed(_)), "{name}: {error}");
                    fixture.seam.reboot();
                }
                fixture.open().unwrap();
            }
        }
    }
}
