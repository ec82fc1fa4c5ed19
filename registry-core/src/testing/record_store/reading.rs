//! What was put is what is read.
#![expect(missing_docs, reason = "a clause's name is the sentence that it checks")]

use bytes::Bytes;

use super::{Records, create, get, key, keys, number, remove, stored, swap};
use crate::{
    ports::{DeleteOutcome, KeyRange, Lookup, RecordStore},
    record::{Nonce, Record, RecordKey},
    testing::Seeded,
};

pub async fn what_was_put_is_read_back(store: &dyn RecordStore) {
    let (key, record) = (key("x-contract/a"), Records::default().with_body(1, "body".into()));
    let version = create(store, &key, &record).await;
    assert_eq!(get(store, &key).await, Some((version, record)));
}

pub async fn an_absent_key_is_no_error(store: &dyn RecordStore) {
    let (here, absent, records) = (key("x-contract/a"), key("x-contract/b"), Records::default());
    assert!(get(store, &absent).await.is_none());
    let version = create(store, &here, &records.next(1)).await;
    assert!(get(store, &absent).await.is_none());
    let lookup = store.get(&absent, Some(&version)).await.expect("gets");
    assert!(matches!(lookup, Lookup::Absent));
    for near in ["x-contract/a/a", "x-contract/a.", "x-contract/A", "x-contrac/a"] {
        assert!(get(store, &key(near)).await.is_none(), "{near}");
    }
}

pub async fn a_known_version_spares_the_bytes_and_never_hides_a_change(store: &dyn RecordStore) {
    let (key, records) = (key("x-contract/a"), Records::default());
    let first = create(store, &key, &records.next(1)).await;
    match store.get(&key, Some(&first)).await.expect("gets") {
        // It may spare the bytes, and need not.
        Lookup::Unchanged => {}
        Lookup::Found(version, record) => {
            assert_eq!((version, number(&record)), (first.clone(), 1))
        }
        Lookup::Absent => panic!("the record is there"),
    }
    let second = stored(swap(store, &key, &records.next(2), &first).await);
    match store.get(&key, Some(&first)).await.expect("gets") {
        Lookup::Found(version, record) => {
            assert_eq!((version, number(&record)), (second.clone(), 2))
        }
        other => panic!("the record has changed, but the answer is {other:?}"),
    }
    assert_eq!(remove(store, &key, &second).await, DeleteOutcome::Deleted);
    let lookup = store.get(&key, Some(&second)).await.expect("gets");
    assert!(matches!(lookup, Lookup::Absent));
}

pub async fn a_body_is_kept_byte_for_byte(store: &dyn RecordStore) {
    let records = Records::default();
    let every_byte: Vec<u8> = (0..=255).collect();
    let bodies: [&[u8]; 6] = [b"", b"\n", b"\n\n{}", b"\0", b"\r\n \t", &every_byte];
    for (i, body) in bodies.into_iter().enumerate() {
        let key = key(&format!("x-contract/{i}"));
        let record = records.with_body(1, Bytes::copy_from_slice(body));
        create(store, &key, &record).await;
        let (_, found) = get(store, &key).await.expect("is there");
        assert_eq!((found.body(), found.to_bytes()), (record.body(), record.to_bytes()));
    }
}

pub async fn the_largest_record_is_kept(store: &dyn RecordStore) {
    let key = key("x-contract/large");
    let body: Bytes = (0..Record::MAX_BODY).map(|i| (i % 253) as u8).collect();
    let note = "n".repeat(2 << 20);
    let fields = serde_json::json!({ "number": 1, "note": note });
    let record = Record::new(super::KIND, Nonce::new(&Seeded::default()), &fields, body);
    let record = record.expect("a body of the largest size fits");
    let version = create(store, &key, &record).await;
    assert!(get(store, &key).await == Some((version.clone(), record)), "the record differs");
    let small = Records(Seeded::new(1)).next(2);
    let version = stored(swap(store, &key, &small, &version).await);
    assert_eq!(get(store, &key).await, Some((version, small)));
}

pub async fn the_longest_key_is_kept(store: &dyn RecordStore) {
    let records = Records::default();
    let component = "c".repeat(RecordKey::MAX_COMPONENT);
    let mut longest = format!("x-contract/{component}/{component}/{component}/");
    longest.push_str(&"d".repeat(RecordKey::MAX_LENGTH - longest.len()));
    let odd = "x-contract/-._:@+=/.-/=/@/+/:/_/...";
    for text in [longest.as_str(), odd] {
        create(store, &key(text), &records.next(1)).await;
        assert!(get(store, &key(text)).await.is_some(), "{text}");
    }
    let range = KeyRange::all("x-contract/".to_owned());
    assert_eq!(keys(store, range).await, [odd, longest.as_str()]);
}

pub async fn a_key_may_be_the_beginning_of_another(store: &dyn RecordStore) {
    let (records, nested) =
        (Records::default(), ["x-contract/a", "x-contract/a/b", "x-contract/a/b/c"]);
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        for i in order {
            create(store, &key(nested[i]), &records.next(i as u64)).await;
        }
        for i in order {
            let key = key(nested[i]);
            let (version, found) = get(store, &key).await.expect("is there");
            assert_eq!(number(&found), i as u64);
            assert_eq!(remove(store, &key, &version).await, DeleteOutcome::Deleted);
            assert!(get(store, &key).await.is_none());
        }
    }
}

pub async fn keys_that_differ_only_in_case_are_two(store: &dyn RecordStore) {
    // Tags are case-sensitive; file systems need not be.
    let (lower, upper, records) = (key("tag/r/v1-rc"), key("tag/r/V1-RC"), Records::default());
    create(store, &lower, &records.next(1)).await;
    create(store, &upper, &records.next(2)).await;
    assert_eq!(get(store, &lower).await.map(|(_, record)| number(&record)), Some(1));
    assert_eq!(get(store, &upper).await.map(|(_, record)| number(&record)), Some(2));
}
