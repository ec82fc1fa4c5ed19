//! Many at once.
#![expect(missing_docs, reason = "a clause's name is the sentence that it checks")]

use futures::future::{join, join_all};

use super::{
    DROPPED_AFTER, Records, create, drop_after, get, key, keys, number, remove, stored, swap,
};
use crate::{
    ports::{DeleteOutcome, Expect, KeyRange, PutOutcome, RecordStore},
    record::RecordKey,
};

/// How many race: more than a store is likely to have threads or locks.
const RACERS: u64 = 24;

pub async fn one_of_many_racing_creators_wins(store: &dyn RecordStore) {
    let records = Records::default();
    for round in 0..5 {
        let key = key(&format!("x-contract/{round}"));
        let outcomes = join_all((0..RACERS).map(|n| {
            let (key, record) = (&key, records.next(n));
            async move { store.put(key, record, Expect::Absent).await.expect("puts") }
        }))
        .await;
        check_one_winner(store, &key, outcomes).await;
    }
}

pub async fn one_of_many_racing_swaps_wins(store: &dyn RecordStore) {
    let (records, key) = (Records::default(), key("x-contract/a"));
    let mut version = create(store, &key, &records.next(0)).await;
    for _ in 0..5 {
        let outcomes = join_all((0..RACERS).map(|n| {
            let (key, record, version) = (&key, records.next(n), &version);
            async move { swap(store, key, &record, version).await }
        }))
        .await;
        check_one_winner(store, &key, outcomes).await;
        version = get(store, &key).await.expect("is there").0;
    }
}

/// Racer `n` wrote the number `n`.
async fn check_one_winner(store: &dyn RecordStore, key: &RecordKey, outcomes: Vec<PutOutcome>) {
    let winners: Vec<(u64, PutOutcome)> =
        (0..).zip(outcomes).filter(|(_, outcome)| *outcome != PutOutcome::Conflict).collect();
    let [(winner, outcome)] = &winners[..] else { panic!("winners: {winners:?}") };
    let (version, record) = get(store, key).await.expect("is there");
    assert_eq!((number(&record), PutOutcome::Stored(version)), (*winner, outcome.clone()));
}

pub async fn a_swap_and_a_deletion_that_race_do_not_both_win(store: &dyn RecordStore) {
    let (records, key) = (Records::default(), key("x-contract/a"));
    for round in 0..20 {
        let version = create(store, &key, &records.next(0)).await;
        let record = records.next(1);
        let swapping = swap(store, &key, &record, &version);
        let removing = remove(store, &key, &version);
        let (swapped, removed) = if round % 2 == 0 {
            join(swapping, removing).await
        } else {
            let (removed, swapped) = join(removing, swapping).await;
            (swapped, removed)
        };
        let left = get(store, &key).await;
        match (swapped, removed) {
            (PutOutcome::Stored(version), DeleteOutcome::Conflict) => {
                assert_eq!(left, Some((version.clone(), record)));
                assert_eq!(remove(store, &key, &version).await, DeleteOutcome::Deleted);
            }
            (PutOutcome::Conflict, DeleteOutcome::Deleted) => assert_eq!(left, None),
            both => panic!("one wins, but the outcomes are {both:?}"),
        }
    }
}

pub async fn no_increment_is_lost(store: &dyn RecordStore) {
    const EACH: u64 = 10;
    let (records, key) = (Records::default(), key("x-contract/counter"));
    create(store, &key, &records.next(0)).await;
    join_all((0..RACERS).map(|_| async {
        let (mut done, mut seen) = (0, 0);
        while done < EACH {
            let (version, record) = get(store, &key).await.expect("is there");
            let found = number(&record);
            assert!(found >= seen, "{found} was read after {seen}");
            let outcome = swap(store, &key, &records.next(found + 1), &version).await;
            let won = outcome != PutOutcome::Conflict;
            done += u64::from(won);
            seen = found + u64::from(won);
        }
    }))
    .await;
    let (_, record) = get(store, &key).await.expect("is there");
    assert_eq!(number(&record), RACERS * EACH);
}

pub async fn what_a_mutation_returned_is_seen_by_the_next_read(store: &dyn RecordStore) {
    let records = Records::default();
    join_all((0..RACERS).map(|n| {
        let (records, prefix) = (&records, format!("x-contract/{n}/"));
        async move {
            let range = || KeyRange::all(prefix.clone());
            let key = key(&format!("{prefix}k"));
            for n in 0..3 {
                let version = create(store, &key, &records.next(n)).await;
                assert_eq!(get(store, &key).await.map(|(_, record)| number(&record)), Some(n));
                assert_eq!(keys(store, range()).await, [key.as_str()]);
                let version = stored(swap(store, &key, &records.next(n + 1), &version).await);
                assert_eq!(get(store, &key).await.map(|(_, record)| number(&record)), Some(n + 1));
                assert_eq!(remove(store, &key, &version).await, DeleteOutcome::Deleted);
                assert!(get(store, &key).await.is_none());
                assert_eq!(keys(store, range()).await, [""; 0]);
            }
        }
    }))
    .await;
}

pub async fn a_dropped_put_leaves_the_record_before_or_after(store: &dyn RecordStore) {
    let records = Records::default();
    for polls in DROPPED_AFTER {
        let key = key(&format!("x-contract/{polls}"));
        drop_after(polls, store.put(&key, records.next(1), Expect::Absent)).await;
        let created = store.put(&key, records.next(2), Expect::Absent).await.expect("puts");
        let (version, record) = get(store, &key).await.expect("is there");
        match created {
            PutOutcome::Stored(stored) => {
                assert_eq!((stored, 2), (version.clone(), number(&record)))
            }
            PutOutcome::Conflict => assert_eq!(number(&record), 1),
        }
        drop_after(polls, swap(store, &key, &records.next(3), &version)).await;
        let swapped = swap(store, &key, &records.next(4), &version).await;
        let (_, record) = get(store, &key).await.expect("is there");
        let want = if swapped == PutOutcome::Conflict { 3 } else { 4 };
        assert_eq!(number(&record), want);
    }
}

pub async fn a_dropped_deletion_leaves_the_record_before_or_after(store: &dyn RecordStore) {
    let records = Records::default();
    for polls in DROPPED_AFTER {
        let key = key(&format!("x-contract/{polls}"));
        let version = create(store, &key, &records.next(1)).await;
        drop_after(polls, store.delete(&key, &version)).await;
        // Deleted by this call or by the one before.
        let _either = remove(store, &key, &version).await;
        assert!(get(store, &key).await.is_none());
        create(store, &key, &records.next(2)).await;
        assert_eq!(get(store, &key).await.map(|(_, record)| number(&record)), Some(2));
    }
}
