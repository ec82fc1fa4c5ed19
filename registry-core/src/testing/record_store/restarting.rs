//! What a new process finds, on the same machine that did not stop.
#![expect(missing_docs, reason = "a clause's name is the sentence that it checks")]

use super::{Records, below, create, get, key, keys, number, remove, stored, swap};
use crate::{
    ports::{DeleteOutcome, PutOutcome, RecordStore},
    testing::Harness,
};

pub async fn records_outlive_the_process(harness: &dyn Harness<dyn RecordStore>) {
    let records = Records::default();
    // Uploads last until the machine stops, which is longer than a process.
    let texts = ["x-contract/a", "x-contract/a/b", "upload/f47ac10b-58cc-4372-a567-0e02b2c3d479"];
    let store = harness.open().await;
    for (n, text) in (0..).zip(texts) {
        let version = create(&*store, &key(text), &records.next(9)).await;
        let body = records.with_body(n, "body".into());
        stored(swap(&*store, &key(text), &body, &version).await);
    }
    drop(store);
    let store = harness.open().await;
    for (n, text) in (0..).zip(texts) {
        let (version, record) = get(&*store, &key(text)).await.expect("is there");
        assert_eq!((number(&record), &record.body()[..]), (n, &b"body"[..]), "{text}");
        stored(swap(&*store, &key(text), &records.next(n), &version).await);
    }
    assert_eq!(keys(&*store, below("x-contract/")).await, texts[..2]);
    assert_eq!(keys(&*store, below("upload/")).await, texts[2..]);
}

pub async fn a_version_of_the_process_before_swaps_nothing_newer(
    harness: &dyn Harness<dyn RecordStore>,
) {
    let (key, records) = (key("x-contract/a"), Records::default());
    let store = harness.open().await;
    let first = create(&*store, &key, &records.next(1)).await;
    let second = stored(swap(&*store, &key, &records.next(2), &first).await);
    drop(store);
    let store = harness.open().await;
    assert_eq!(swap(&*store, &key, &records.next(3), &first).await, PutOutcome::Conflict);
    let (current, _) = get(&*store, &key).await.expect("is there");
    let third = stored(swap(&*store, &key, &records.next(1), &current).await);
    for stale in [first, second, current] {
        assert_eq!(swap(&*store, &key, &records.next(4), &stale).await, PutOutcome::Conflict);
        assert_eq!(remove(&*store, &key, &stale).await, DeleteOutcome::Conflict);
    }
    assert_eq!(get(&*store, &key).await.map(|(version, _)| version), Some(third));
}

pub async fn a_deletion_outlives_the_process(harness: &dyn Harness<dyn RecordStore>) {
    let (key, records) = (key("x-contract/a"), Records::default());
    let store = harness.open().await;
    let version = create(&*store, &key, &records.next(1)).await;
    assert_eq!(remove(&*store, &key, &version).await, DeleteOutcome::Deleted);
    drop(store);
    let store = harness.open().await;
    assert!(get(&*store, &key).await.is_none());
    assert_eq!(keys(&*store, below("x-contract/")).await, [""; 0]);
    create(&*store, &key, &records.next(2)).await;
}
