//! What is used again is not read again.

use std::{collections::HashSet, fs};

use futures::{StreamExt, TryStreamExt};
use registry_core::ports::KeyRange;

use super::*;
use crate::layout;

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

/// A store with an empty file in the place of each record: a listing reads names, nothing else.
fn planted(keys: &[String]) -> Fixture {
    let fixture = Fixture::new();
    drop(fixture.open().unwrap());
    let mut folders = HashSet::new();
    for name in keys {
        let file = fixture.path.path().join(layout::record(&key(name)).unwrap());
        let folder = file.parent().unwrap();
        if folders.insert(folder.to_owned()) {
            fs::create_dir_all(folder).unwrap();
        }
        fs::File::create(file).unwrap();
    }
    fixture
}

/// The keys of each page of 100, and the calls that it took.
async fn pages(fixture: &Fixture, prefix: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let records = fixture.open().unwrap().records();
    fixture.seam.log();
    let (mut pages, mut after, mut calls) = (Vec::new(), String::new(), 0);
    loop {
        let mut range = KeyRange::all(prefix.to_owned());
        (range.after, range.limit) = (Some(after), Some(100));
        let entries: Vec<_> = records.list(range).take(100).try_collect().await.unwrap();
        let Some(last) = entries.last() else { return pages };
        after = last.key.after(prefix).unwrap();
        let keys = entries.into_iter().map(|entry| entry.key.as_str().to_owned()).collect();
        pages.push((keys, fixture.seam.log()));
        calls += pages.last().map_or(0, |(_, calls)| calls.len());
        assert!(calls < 300, "folders are read again and again");
    }
}

#[tokio::test]
async fn after_the_first_no_page_of_a_hundred_thousand_tags_makes_a_system_call() {
    let tags: Vec<String> = (0..100_000).map(|n| format!("tag/r/v{n:05}")).collect();
    let fixture = planted(&tags);
    let (keys, calls): (Vec<_>, Vec<_>) = pages(&fixture, "tag/r/").await.into_iter().unzip();
    assert!(keys.concat() == tags, "every tag is on one page");
    assert_eq!((keys.len(), keys[1].len()), (1000, 100));
    assert_eq!(calls[0], ["enter r", "list"]);
    assert_eq!(calls[1..].concat(), [""; 0], "the rest is at hand");
}

#[tokio::test]
async fn a_page_of_a_hundred_thousand_repositories_reads_only_the_folders_that_it_enters_first() {
    let name = |n| format!("repository/team-{:02}/app-{:03}", n / 1000, n % 1000);
    let names: Vec<String> = (0..100_000).map(name).collect();
    let fixture = planted(&names);
    let (keys, calls): (Vec<_>, Vec<_>) = pages(&fixture, "repository/").await.into_iter().unzip();
    assert!(keys.concat() == names, "every repository is on one page");
    assert_eq!((keys.len(), keys[1].len()), (1000, 100));
    assert_eq!(calls[0], ["enter repository", "list", "enter team-00", "list"]);
    assert_eq!(calls[1..10].concat(), [""; 0], "the rest of the first folder is at hand");
    let lists = calls.concat().iter().filter(|call| *call == "list").count();
    assert_eq!(lists, 101, "each folder is read once");
}
