//! What is used again is not read again.

use futures::{StreamExt, TryStreamExt};
use registry_core::ports::KeyRange;

use super::*;

#[tokio::test]
async fn a_record_is_read_once() {
    let fixture = Fixture::new();
    let (here, absent) = (key("tag/r/latest"), key("tag/r/none"));
    create(&fixture.open().unwrap().records(), &here, "bytes").await;
    let records = fixture.open().unwrap().records();
    for round in 0..3 {
        fixture.seam.log();
        assert_eq!(body(&records, &here).await.unwrap(), Some("bytes".into()));
        assert_eq!(body(&records, &absent).await.unwrap(), None);
        assert_eq!(fixture.seam.log().is_empty(), round > 0, "round {round}");
    }
}

#[tokio::test]
async fn a_folder_is_listed_once_and_knows_of_what_came_and_went() {
    let fixture = Fixture::new();
    let records = fixture.open().unwrap().records();
    let list = async |after: &str| -> Vec<String> {
        let mut range = KeyRange::all("tag/r/".to_owned());
        (range.after, range.limit) = (Some(after.to_owned()), Some(10));
        let entries: Vec<_> = records.list(range).take(10).try_collect().await.unwrap();
        entries.iter().filter_map(|entry| entry.key.after("tag/r/")).collect()
    };
    for n in 0..100 {
        create(&records, &key(&format!("tag/r/{n:02}")), "").await;
    }
    assert_eq!(list("").await.len(), 10);
    let version = create(&records, &key("tag/r/555"), "").await;
    fixture.seam.log();
    assert_eq!(list("54").await[..3], ["55", "555", "56"]);
    assert_eq!(list("zz").await, [""; 0]);
    assert_eq!(fixture.seam.log(), [""; 0], "nothing is read any more");
    let _ = records.delete(&key("tag/r/555"), &version).await.unwrap();
    assert_eq!(list("54").await[..2], ["55", "56"]);
}

#[tokio::test]
async fn opening_reads_nothing_for_each_record_or_content() {
    let fixture = Fixture::new();
    drop(fixture.open().unwrap());
    fixture.seam.log();
    drop(fixture.open().unwrap());
    let few = fixture.seam.log();
    let store = fixture.open().unwrap();
    for n in 0..50 {
        create(&store.records(), &key(&format!("tag/r{n}/t")), "").await;
        let mut writer = writer(&store.contents(), &id(), &Checkpoint::START).await.unwrap();
        append(&mut *writer, "bytes").await.unwrap();
        writer.seal(&SealOptions::default()).await.unwrap();
    }
    drop(store);
    fixture.seam.log();
    drop(fixture.open().unwrap());
    assert!(fixture.seam.log() == few, "opening makes other calls than before");
}

#[tokio::test]
async fn more_names_than_fit_are_still_listed_in_order() {
    let fixture = Fixture::new();
    let options = Options { memory: 20_000, ..Options::new(Durability::ProcessSafe) };
    let records = fixture.open_with(options).unwrap().records();
    let mut keys: Vec<RecordKey> = (0..300).map(|n| key(&format!("tag/r/{n}"))).collect();
    for key in &keys {
        create(&records, key, "").await;
    }
    keys.sort();
    for limit in [7, 1000] {
        let mut range = KeyRange::all("tag/r/".to_owned());
        range.limit = Some(limit);
        let entries: Vec<_> = records.list(range).try_collect().await.unwrap();
        assert!(entries.iter().map(|entry| &entry.key).eq(&keys));
    }
}
