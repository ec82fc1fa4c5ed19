//! A full disk.

use std::{
    io,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use registry_core::ports::{DeleteOutcome, StoreErrorKind};
use rustix::io::Errno;

use super::*;
use crate::filesystem::error::Error;

#[tokio::test]
async fn a_full_disk_is_an_error_that_loses_nothing() {
    let fixture = Fixture::new();
    let store = fixture.open().unwrap();
    let (records, contents) = (store.records(), store.contents());
    let (here, other, sealed, open) = (key("tag/r/here"), key("tag/r/other"), id(), id());
    create(&records, &here, "bytes").await;
    let mut done = writer(&contents, &sealed, &Checkpoint::START).await.unwrap();
    append(&mut *done, "sealed").await.unwrap();
    done.seal(&SealOptions::default()).await.unwrap();
    let mut half = writer(&contents, &open, &Checkpoint::START).await.unwrap();
    let at = append(&mut *half, "half").await.unwrap();
    fixture.seam.fill(0);
    let full = records.put(&other, record(""), Expect::Absent).await.unwrap_err();
    assert_eq!(full.kind(), StoreErrorKind::Full);
    half.write(vec!["more".into()]).await.unwrap();
    assert_eq!(half.checkpoint().await.unwrap_err().kind(), StoreErrorKind::Full);
    drop(half);
    assert!(store.is_writable(), "it goes on when there is room");
    assert_eq!(body(&records, &here).await.unwrap(), Some("bytes".into()));
    assert_eq!(body(&records, &other).await.unwrap(), None);
    assert_eq!(whole(&contents, &sealed).await.unwrap(), Some("sealed".into()));
    fixture.seam.heal();
    let mut half = writer(&contents, &open, &at).await.unwrap();
    append(&mut *half, " and half").await.unwrap();
    half.seal(&SealOptions::default()).await.unwrap();
    assert_eq!(whole(&contents, &open).await.unwrap(), Some("half and half".into()));
}

#[tokio::test]
async fn the_reserve_lets_records_change_and_go_on_a_full_disk() {
    let fixture = Fixture::new();
    let store = fixture.open().unwrap();
    let (records, key) = (store.records(), key("blob-state/r/here"));
    assert!(store.contents().limits().max_size > 0);
    let version = create(&records, &key, "live").await;
    fixture.seam.fill(0);
    let swapped = records.put(&key, record("condemned"), Expect::Version(version)).await.unwrap();
    let PutOutcome::Stored(version) = swapped else { panic!("nobody else writes") };
    assert_eq!(records.delete(&key, &version).await.unwrap(), DeleteOutcome::Deleted);
    assert!(fixture.seam.log().contains(&"remove reserve".to_owned()));
}

#[tokio::test]
async fn a_client_that_announces_more_than_there_is_room_for_hears_it_before_the_bytes() {
    let fixture = Fixture::new();
    let contents = fixture.open().unwrap().contents();
    let mut options = WriteOptions::default();
    options.size = Some(i64::MAX as u64);
    let refused = contents.open(&id(), &Checkpoint::START, &options).await.err().unwrap();
    assert_eq!(refused.kind(), StoreErrorKind::Full);
}

#[tokio::test]
async fn a_content_that_is_lost_to_a_full_disk_is_never_synced_again() {
    for removed in [true, false] {
        let fixture = Fixture::new();
        let store = fixture.open().unwrap();
        let (contents, id) = (store.contents(), id());
        let mut open = writer(&contents, &id, &Checkpoint::START).await.unwrap();
        let at = append(&mut *open, "bytes").await.unwrap();
        // mark, enter, sync, remove
        fixture.seam.fail(2, Fault::Refused(Errno::NOSPC));
        if !removed {
            fixture.seam.fail_too(3, Fault::Refused(Errno::IO));
            // Nor is there room for the mark, before the reserve is released.
            fixture.seam.fill(0);
        }
        let full = open.seal(&SealOptions::default()).await.unwrap_err();
        assert_eq!(full.kind(), StoreErrorKind::Full);
        drop(open);
        fixture.seam.heal();
        assert_eq!(store.is_writable(), removed);
        let again = writer(&contents, &id, &at).await.err().unwrap().kind();
        match removed {
            true => assert_eq!(again, StoreErrorKind::Lost),
            false => assert_eq!(again, StoreErrorKind::Unavailable { retry_after: None }),
        }
        drop((store, contents));
        assert_eq!(fixture.open().is_ok(), removed, "a next process would trust it");
    }
}

#[test]
fn whoever_meets_the_full_disk_together_goes_on_when_one_of_them_released_the_reserve() {
    let fixture = Fixture::new();
    let store = fixture.open().unwrap();
    let (reserve, full) = (fixture.path.path().join(".registry~/reserve"), Barrier::new(4));
    let work = |again: &AtomicBool| {
        if again.swap(true, Ordering::Relaxed) {
            assert!(!reserve.exists(), "there is no more room than before");
            return Ok(());
        }
        full.wait();
        Err(Error::Call("write", io::Error::from(Errno::NOSPC)))
    };
    assert!(reserve.exists());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let again = AtomicBool::new(false);
                store.tree.with_reserve(|| work(&again)).unwrap();
            });
        }
    });
}

#[test]
fn only_what_was_reserved_counts_as_the_reserve() {
    let fixture = Fixture::new();
    drop(fixture.open().unwrap());
    let call = fixture.seam.log().iter().position(|call| call == "reserve").unwrap();
    for fault in [Fault::Refused(Errno::NOSPC), Fault::Denied(Errno::IO)] {
        let fixture = Fixture::new();
        fixture.seam.fail(call, fault);
        drop(fixture.open().unwrap());
        fixture.seam.heal();
        fixture.seam.log();
        let _store = fixture.open().unwrap();
        assert!(fixture.seam.log().contains(&"reserve".to_owned()), "it is tried again");
        assert!(fixture.path.path().join(".registry~/reserve").exists());
    }
}
