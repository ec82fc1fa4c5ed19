//! The order of the calls is what survives power loss.

use super::*;

#[tokio::test]
async fn a_record_is_synced_before_it_has_a_name_and_its_folder_before_it_is_shown() {
    let fixture = Fixture::new();
    let records = fixture.open().unwrap().records();
    let key = key("tag/r/latest");
    create(&records, &key, "first").await;
    fixture.seam.log();
    let Lookup::Found(version, _) = records.get(&key, None).await.unwrap() else { panic!() };
    let outcome = records.put(&key, record("second"), Expect::Version(version)).await.unwrap();
    assert!(matches!(outcome, PutOutcome::Stored(_)));
    assert_eq!(
        fixture.seam.log(),
        ["create 1", "write", "sync", "enter r", "rename to latest!", "sync"]
    );
}

#[tokio::test]
async fn a_new_folder_is_synced_into_its_parent_before_anything_comes_into_it() {
    let fixture = Fixture::new();
    let records = fixture.open().unwrap().records();
    fixture.seam.log();
    create(&records, &key("tag/r/latest"), "").await;
    assert_eq!(
        fixture.seam.log(),
        [
            "create 0",
            "write",
            "sync",
            "enter r",
            "enter tag",
            "enter .",
            "make tag",
            "sync",
            "enter tag",
            "make r",
            "sync",
            "enter r",
            "read latest!",
            "rename to latest!",
            "sync",
        ]
    );
}

#[tokio::test]
async fn a_deletion_is_synced_before_it_is_shown() {
    let fixture = Fixture::new();
    let records = fixture.open().unwrap().records();
    let key = key("tag/r/latest");
    let version = create(&records, &key, "").await;
    fixture.seam.log();
    let _ = records.delete(&key, &version).await.unwrap();
    assert_eq!(fixture.seam.log(), ["enter r", "remove latest!", "sync"]);
}

#[tokio::test]
async fn a_content_is_marked_and_synced_and_then_its_folder() {
    let fixture = Fixture::new();
    let contents = fixture.open().unwrap().contents();
    let id = id();
    let (name, shard) = (id.to_string(), id.to_string()[..2].to_owned());
    fixture.seam.log();
    let mut writer = writer(&contents, &id, &Checkpoint::START).await.unwrap();
    append(&mut *writer, "kept").await.unwrap();
    writer.write(vec!["cut".into()]).await.unwrap();
    writer.seal(&SealOptions::default()).await.unwrap();
    let enter = format!("enter {shard}");
    assert_eq!(
        fixture.seam.log(),
        [
            &format!("append to {name}"),
            "look",
            "get line",
            "write",
            "write",
            "cut to 4",
            "mark",
            &enter,
            "sync",
            "sync",
        ]
    );
}

#[tokio::test]
async fn an_upload_s_record_is_not_synced_since_it_ends_with_the_machine() {
    let fixture = Fixture::new();
    let records = fixture.open().unwrap().records();
    let key = RecordKey::upload(&id());
    fixture.seam.log();
    let version = create(&records, &key, "").await;
    let log = fixture.seam.log();
    assert!(log.contains(&"write".to_owned()) && !log.contains(&"sync".to_owned()), "{log:?}");
    let _ = records.put(&key, record(""), Expect::Version(version)).await.unwrap();
    let name = &key.as_str()["upload/".len()..];
    assert_eq!(
        fixture.seam.log(),
        ["create 1", "write", "enter upload", &format!("exchange with {name}!"), "remove 1"]
    );
}

#[tokio::test]
async fn what_is_only_process_safe_is_never_synced() {
    let fixture = Fixture::new();
    let store = fixture.open_with(Options::new(Durability::ProcessSafe)).unwrap();
    fixture.seam.log();
    create(&store.records(), &key("tag/r/latest"), "").await;
    let mut writer = writer(&store.contents(), &id(), &Checkpoint::START).await.unwrap();
    append(&mut *writer, "bytes").await.unwrap();
    writer.seal(&SealOptions::default()).await.unwrap();
    assert!(!fixture.seam.log().contains(&"sync".to_owned()));
}

#[tokio::test]
async fn writing_begins_long_before_the_sync() {
    let fixture = Fixture::new();
    let contents = fixture.open().unwrap().contents();
    let mut writer = writer(&contents, &id(), &Checkpoint::START).await.unwrap();
    fixture.seam.log();
    for _ in 0..20 {
        writer.write(vec![vec![7; 1 << 20].into()]).await.unwrap();
    }
    writer.checkpoint().await.unwrap();
    let begun = fixture.seam.log().iter().filter(|call| *call == "begin").count();
    assert_eq!(begun, 2, "once in eight MiB");
}
