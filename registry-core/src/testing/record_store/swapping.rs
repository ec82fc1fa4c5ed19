//! Compare, then swap.
#![expect(missing_docs, reason = "a clause's name is the sentence that it checks")]

use super::{Records, create, get, key, number, remove, stored, swap};
use crate::ports::{DeleteOutcome, Expect, PutOutcome, RecordStore};

pub async fn a_record_is_created_once(store: &dyn RecordStore) {
    let (key, records) = (key("x-contract/a"), Records::default());
    create(store, &key, &records.next(1)).await;
    let again = store.put(&key, records.next(2), Expect::Absent).await.expect("puts");
    assert_eq!(again, PutOutcome::Conflict);
    assert_eq!(get(store, &key).await.map(|(_, record)| number(&record)), Some(1));
}

pub async fn a_record_is_swapped_at_its_version(store: &dyn RecordStore) {
    let (key, records) = (key("x-contract/a"), Records::default());
    let mut version = create(store, &key, &records.next(0)).await;
    for n in 1..10 {
        let record = records.next(n);
        let next = stored(swap(store, &key, &record, &version).await);
        assert_ne!(next, version);
        assert_eq!(get(store, &key).await, Some((next.clone(), record)));
        version = next;
    }
}

pub async fn a_swap_at_another_version_changes_nothing(store: &dyn RecordStore) {
    let (key, other, records) = (key("x-contract/a"), key("x-contract/b"), Records::default());
    let first = create(store, &key, &records.next(1)).await;
    let elsewhere = create(store, &other, &records.next(9)).await;
    let second = stored(swap(store, &key, &records.next(2), &first).await);
    for stale in [&first, &elsewhere] {
        assert_eq!(swap(store, &key, &records.next(3), stale).await, PutOutcome::Conflict);
    }
    let (version, record) = get(store, &key).await.expect("is there");
    assert_eq!((version, number(&record)), (second, 2));
}

pub async fn a_swap_of_an_absent_record_conflicts(store: &dyn RecordStore) {
    let (key, never, records) = (key("x-contract/a"), key("x-contract/b"), Records::default());
    let version = create(store, &key, &records.next(1)).await;
    assert_eq!(remove(store, &key, &version).await, DeleteOutcome::Deleted);
    for absent in [&key, &never] {
        assert_eq!(swap(store, absent, &records.next(2), &version).await, PutOutcome::Conflict);
        assert!(get(store, absent).await.is_none());
    }
}

pub async fn a_record_is_deleted_at_its_version(store: &dyn RecordStore) {
    let (key, records) = (key("x-contract/a"), Records::default());
    let first = create(store, &key, &records.next(1)).await;
    let second = stored(swap(store, &key, &records.next(2), &first).await);
    assert_eq!(remove(store, &key, &second).await, DeleteOutcome::Deleted);
    assert!(get(store, &key).await.is_none());
}

pub async fn a_deletion_at_another_version_changes_nothing(store: &dyn RecordStore) {
    let (key, other, records) = (key("x-contract/a"), key("x-contract/b"), Records::default());
    let first = create(store, &key, &records.next(1)).await;
    let elsewhere = create(store, &other, &records.next(9)).await;
    let second = stored(swap(store, &key, &records.next(2), &first).await);
    for stale in [&first, &elsewhere] {
        assert_eq!(remove(store, &key, stale).await, DeleteOutcome::Conflict);
    }
    let (version, record) = get(store, &key).await.expect("is there");
    assert_eq!((version, number(&record)), (second, 2));
}

pub async fn deleting_an_absent_record_conflicts(store: &dyn RecordStore) {
    let (key, never, records) = (key("x-contract/a"), key("x-contract/b"), Records::default());
    let version = create(store, &key, &records.next(1)).await;
    assert_eq!(remove(store, &key, &version).await, DeleteOutcome::Deleted);
    for absent in [&key, &never] {
        assert_eq!(remove(store, absent, &version).await, DeleteOutcome::Conflict);
    }
}

pub async fn a_deleted_record_can_be_created_again(store: &dyn RecordStore) {
    let (key, records) = (key("x-contract/a/b/c"), Records::default());
    for n in 0..5 {
        let version = create(store, &key, &records.next(n)).await;
        assert_eq!(get(store, &key).await.map(|(_, record)| number(&record)), Some(n));
        assert_eq!(remove(store, &key, &version).await, DeleteOutcome::Deleted);
    }
}

pub async fn a_record_that_says_the_same_again_has_another_version(store: &dyn RecordStore) {
    // Invariant I4: a swap prepared long before must not succeed, whatever happened meanwhile.
    let (key, records) = (key("x-contract/a"), Records::default());
    let mut old = vec![create(store, &key, &records.next(1)).await];
    for n in [2, 1, 2, 1] {
        let version = old.last().expect("there is one").clone();
        old.push(stored(swap(store, &key, &records.next(n), &version).await));
    }
    let version = old.last().expect("there is one").clone();
    assert_eq!(remove(store, &key, &version).await, DeleteOutcome::Deleted);
    let current = create(store, &key, &records.next(1)).await;
    for stale in &old {
        assert_eq!(swap(store, &key, &records.next(3), stale).await, PutOutcome::Conflict);
        assert_eq!(remove(store, &key, stale).await, DeleteOutcome::Conflict);
    }
    let (version, record) = get(store, &key).await.expect("is there");
    assert_eq!((version, number(&record)), (current, 1));
}
