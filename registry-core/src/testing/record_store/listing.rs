//! Keys in byte order.
#![expect(missing_docs, reason = "a clause's name is the sentence that it checks")]

use futures::StreamExt;

use super::{Records, below, create, entries, get, key, keys, remove};
use crate::{
    digest::Algorithm,
    ports::{ContentId, DeleteOutcome, KeyRange, RecordStore},
    record::{RecordKey, RepositoryId},
    testing::Seeded,
};

/// Keys in byte order, where it differs from that of a directory walk and from that of a
/// comparison by component: `-` and `.` sort below `/`, and upper case below lower.
const ORDERED: [&str; 14] = [
    "x-contract/A",
    "x-contract/B/a",
    "x-contract/a",
    "x-contract/a+/z",
    "x-contract/a-b",
    "x-contract/a-b/c",
    "x-contract/a.b",
    "x-contract/a/a",
    "x-contract/a/b",
    "x-contract/a/b-c",
    "x-contract/a/b/c",
    "x-contract/a0",
    "x-contract/ab",
    "x-contract/z",
];

/// Its neighbours, none of which lies below `x-contract/`.
const OUTSIDE: [&str; 4] = ["x-contrac/t", "x-contract-/a", "x-contract0/a", "x-contracts/a"];

async fn fill(store: &dyn RecordStore) {
    let records = Records::default();
    for (n, text) in (0..).zip(ORDERED.iter().rev().chain(&OUTSIDE)) {
        create(store, &key(text), &records.next(n)).await;
    }
}

pub async fn an_empty_range_lists_nothing(store: &dyn RecordStore) {
    assert_eq!(keys(store, below("x-contract/")).await, [""; 0]);
    fill(store).await;
    for prefix in ["x-other/", "x-contract/a/b/c/", "x-contract/nothing/here/"] {
        assert_eq!(keys(store, below(prefix)).await, [""; 0], "{prefix}");
    }
}

pub async fn keys_are_listed_in_byte_order(store: &dyn RecordStore) {
    fill(store).await;
    assert!(ORDERED.is_sorted());
    assert_eq!(keys(store, below("x-contract/")).await, ORDERED);
}

pub async fn only_keys_below_the_prefix_are_listed(store: &dyn RecordStore) {
    fill(store).await;
    for prefix in
        ["x-contract/a/", "x-contract/a-b/", "x-contract/a/b/", "x-contract/B/", "x-contract-/"]
    {
        let want: Vec<_> =
            ORDERED.iter().chain(&OUTSIDE).filter(|key| key.starts_with(prefix)).collect();
        assert_eq!(keys(store, below(prefix)).await.iter().collect::<Vec<_>>(), want, "{prefix}");
    }
}

pub async fn keys_of_every_kind_are_listed_below_each_of_their_prefixes(store: &dyn RecordStore) {
    let (records, random) = (Records::default(), Seeded::default());
    let digests = ["a", "b", "c", "d"].map(|text| Algorithm::Sha256.digest(text.as_bytes()));
    let other = Algorithm::Sha512.digest(b"e");
    let repositories: [RepositoryId; 3] =
        ["r", "r-x", "did:plc:r"].map(|id| id.parse().expect("it is an id"));
    let mut all = Vec::new();
    for repository in &repositories {
        for digest in digests.iter().chain([&other]) {
            all.push(RecordKey::manifest(repository, digest));
            all.push(RecordKey::link(digest, repository));
            all.push(RecordKey::referrer(repository, &digests[0], digest));
        }
        for tag in ["latest", "V1", "v1", "1.0", "_x-"] {
            all.push(RecordKey::tag(repository, &tag.parse().expect("it is a tag")));
        }
    }
    all.extend(digests.iter().chain([&other]).map(RecordKey::blob));
    all.extend((0..5).map(|_| RecordKey::upload(&ContentId::new(&random))));
    for name in ["a", "a/b", "a-b", "a/b/c", "b.c", "library/alpine"] {
        all.push(RecordKey::repository(&name.parse().expect("it is a name")));
    }
    for key in &all {
        create(store, key, &records.next(0)).await;
    }
    all.sort();
    let all: Vec<String> = all.iter().map(RecordKey::to_string).collect();
    let prefixes = all.iter().flat_map(|key| {
        key.match_indices('/').map(|(slash, _)| key[..=slash].to_owned()).collect::<Vec<_>>()
    });
    for prefix in prefixes {
        let want: Vec<&String> = all.iter().filter(|key| key.starts_with(&prefix)).collect();
        let listed = keys(store, below(&prefix)).await;
        assert_eq!(listed.iter().collect::<Vec<_>>(), want, "{prefix}");
    }
}

pub async fn a_listing_starts_after_any_text(store: &dyn RecordStore) {
    fill(store).await;
    let mut texts =
        vec!["", "!", "/", "a/", "a/a/", "a/b!", "%zz", "a b", "é", "~", "a\0", "..", "A/../a"];
    texts.extend(ORDERED.iter().filter_map(|key| key.strip_prefix("x-contract/")));
    let long = "a".repeat(5000);
    texts.push(&long);
    for after in texts {
        let from = format!("x-contract/{after}");
        let want: Vec<_> = ORDERED.iter().filter(|key| **key > from.as_str()).collect();
        let range = KeyRange { after: Some(after.to_owned()), ..below("x-contract/") };
        assert_eq!(keys(store, range).await.iter().collect::<Vec<_>>(), want, "after {after:?}");
    }
}

pub async fn a_limit_is_a_hint_that_leaves_no_gap(store: &dyn RecordStore) {
    fill(store).await;
    for limit in [1, 2, 3, ORDERED.len(), 1000] {
        let range = KeyRange { limit: Some(limit), ..below("x-contract/") };
        let listed = keys(store, range).await;
        assert!(listed.len() >= limit.min(ORDERED.len()), "as many as asked for");
        assert_eq!(listed, ORDERED[..listed.len()], "limit {limit}");
        let range =
            KeyRange { after: Some("a-b".to_owned()), limit: Some(limit), ..below("x-contract/") };
        let listed = keys(store, range).await;
        assert!(listed.len() >= limit.min(ORDERED.len() - 5), "as many as asked for");
        assert_eq!(listed, ORDERED[5..][..listed.len()], "limit {limit} after a-b");
    }
}

pub async fn a_listed_record_is_what_a_read_finds(store: &dyn RecordStore) {
    fill(store).await;
    let listed = entries(store, below("x-contract/")).await;
    assert_eq!(listed.len(), ORDERED.len());
    for entry in listed {
        let found = get(store, &entry.key).await;
        assert!(found.is_some(), "{:?} is listed and there", entry.key);
        assert!(entry.record.is_none() || entry.record == found, "{:?}", entry.key);
    }
}

pub async fn a_deleted_record_is_not_listed(store: &dyn RecordStore) {
    fill(store).await;
    for (done, text) in (1..).zip(ORDERED) {
        let key = key(text);
        let (version, _) = get(store, &key).await.expect("is there");
        assert_eq!(remove(store, &key, &version).await, DeleteOutcome::Deleted);
        assert_eq!(keys(store, below("x-contract/")).await, ORDERED[done..]);
    }
    assert_eq!(keys(store, below("x-contract-/")).await, ["x-contract-/a"]);
}

pub async fn what_is_there_throughout_a_listing_is_listed_once(store: &dyn RecordStore) {
    let records = Records::default();
    let key = |n: u32| key(&format!("x-contract/{:02}/{n:03}", n / 20));
    for n in (0..120).filter(|n| n % 3 != 2) {
        create(store, &key(n), &records.next(0)).await;
    }
    let mut listing = store.list(below("x-contract/"));
    let mut listed = vec![listing.next().await.expect("an entry").expect("lists").key];
    for n in (1..120).step_by(3) {
        let (version, _) = get(store, &key(n)).await.expect("is there");
        assert_eq!(remove(store, &key(n), &version).await, DeleteOutcome::Deleted);
        create(store, &key(n + 1), &records.next(0)).await;
    }
    listed.extend(listing.map(|entry| entry.expect("lists").key).collect::<Vec<_>>().await);
    assert!(listed.is_sorted_by(|a, b| a < b), "in order, each once");
    for n in (0..120).step_by(3) {
        assert!(listed.contains(&key(n)), "{:?} was there throughout", key(n));
    }
}
