//! Things in the tree that the store did not put there.

use std::{
    cell::Cell,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use futures::TryStreamExt;
use proptest::{
    prop_assert,
    string::string_regex,
    test_runner::{Config, TestRunner},
};
use registry_adapters::{
    filesystem::{Filesystem, Options},
    system::SystemRandom,
};
use registry_core::{
    ports::{
        Checkpoint, ContentId, ContentStore, Expect, KeyRange, Lookup, ReadOptions, RecordStore,
        SealOptions, StoreError, StoreErrorKind, WriteOptions,
    },
    record::{Nonce, Record, RecordKey},
};
use tempfile::TempDir;

/// A store, and beside it something that is none of its business.
struct Planted {
    path: TempDir,
    store: Filesystem,
}

const SECRET: &str = "none of your business";

impl Planted {
    fn new() -> Self {
        let path = TempDir::new().unwrap();
        let store = Filesystem::open(path.path().join("root"), Options::default()).unwrap();
        fs::create_dir(path.path().join("outside")).unwrap();
        fs::write(path.path().join("outside/secret"), SECRET).unwrap();
        Self { path, store }
    }

    fn root(&self) -> PathBuf {
        self.path.path().join("root")
    }

    /// Replaces a path in the root by a link to something outside.
    fn link(&self, path: &str, to: &str) {
        let link = self.root().join(path);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&link);
        let _ = fs::remove_dir_all(&link);
        symlink(self.path.path().join("outside").join(to), link).unwrap();
    }

    fn outside_is_untouched(&self) {
        let outside = self.path.path().join("outside");
        assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), SECRET);
        assert_eq!(fs::read_dir(outside).unwrap().count(), 1);
    }
}

fn key(text: &str) -> RecordKey {
    text.parse().unwrap()
}

fn record() -> Record {
    let fields = std::collections::BTreeMap::<String, String>::new();
    Record::new("x-test", Nonce::new(&SystemRandom), &fields, Bytes::new()).unwrap()
}

fn corrupt<T>(outcome: Result<T, StoreError>) {
    assert_eq!(outcome.err().map(|error| error.kind()), Some(StoreErrorKind::Corrupt));
}

fn tree(path: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            all.extend(tree(&path));
        }
        all.push(path);
    }
    all.sort();
    all
}

#[tokio::test]
async fn a_link_for_a_content_is_neither_read_nor_written() {
    let planted = Planted::new();
    let (contents, id) = (planted.store.contents(), ContentId::new(&SystemRandom));
    let path = format!("data/{}/{id}", &id.to_string()[..2]);
    for to in ["secret", "absent", "."] {
        planted.link(&path, to);
        corrupt(contents.read(&id, &ReadOptions::default()).await);
        corrupt(contents.open(&id, &Checkpoint::START, &WriteOptions::default()).await);
        let listed: Vec<_> = contents.list(None).try_collect().await.unwrap();
        assert!(listed.is_empty(), "it is no content");
    }
    assert!(contents.delete(&id).await.unwrap(), "the link goes, and not where it leads");
    planted.outside_is_untouched();
}

#[tokio::test]
async fn a_link_for_a_folder_of_contents_is_not_followed() {
    let planted = Planted::new();
    let (contents, id) = (planted.store.contents(), ContentId::new(&SystemRandom));
    planted.link(&format!("data/{}", &id.to_string()[..2]), ".");
    corrupt(contents.read(&id, &ReadOptions::default()).await);
    corrupt(contents.open(&id, &Checkpoint::START, &WriteOptions::default()).await);
    corrupt(contents.delete(&id).await);
    corrupt(contents.list(None).try_collect::<Vec<_>>().await);
    planted.outside_is_untouched();
}

#[tokio::test]
async fn a_link_for_a_record_is_neither_read_nor_listed_nor_replaced() {
    for to in ["secret", "absent", "."] {
        let planted = Planted::new();
        let records = planted.store.records();
        planted.link("tag/r/latest!", to);
        let key = key("tag/r/latest");
        corrupt(records.get(&key, None).await);
        corrupt(records.put(&key, record(), Expect::Absent).await);
        corrupt(records.list(KeyRange::all("tag/r/".into())).try_collect::<Vec<_>>().await);
        planted.outside_is_untouched();
    }
}

#[tokio::test]
async fn a_link_for_a_folder_of_records_is_not_followed() {
    for (folder, name) in [("tag", "tag/r/latest"), ("tag/r", "tag/r/latest"), ("x-a/b", "x-a/b/c")]
    {
        let planted = Planted::new();
        let (records, key) = (planted.store.records(), key(name));
        planted.link(folder, ".");
        corrupt(records.get(&key, None).await);
        corrupt(records.put(&key, record(), Expect::Absent).await);
        let prefix = &name[..=name.rfind('/').unwrap()];
        corrupt(records.list(KeyRange::all(prefix.into())).try_collect::<Vec<_>>().await);
        planted.outside_is_untouched();
    }
}

#[tokio::test]
async fn whatever_has_the_name_of_a_record_and_is_none_is_an_error_and_stays() {
    let planted = Planted::new();
    let records = planted.store.records();
    let folder = planted.root().join("tag/r");
    fs::create_dir_all(folder.join("folder!")).unwrap();
    fs::write(folder.join("empty!"), "").unwrap();
    fs::write(folder.join("text!"), "not a record").unwrap();
    fs::write(folder.join("newer!"), "{\"v\":2,\"kind\":\"tag\"}\n").unwrap();
    let before = tree(&planted.root());
    for name in ["folder", "empty", "text", "newer"] {
        let key = key(&format!("tag/r/{name}"));
        corrupt(records.get(&key, None).await);
        corrupt(records.put(&key, record(), Expect::Absent).await);
    }
    corrupt(records.list(KeyRange::all("tag/r/".into())).try_collect::<Vec<_>>().await);
    fs::remove_dir(folder.join("folder!")).unwrap();
    let listed: Vec<_> = records.list(KeyRange::all("tag/r/".into())).try_collect().await.unwrap();
    assert_eq!(listed.len(), 3, "what cannot be read is still listed");
    assert_eq!(tree(&planted.root()).len(), before.len() - 1);
}

#[tokio::test]
async fn odd_names_are_not_shown_and_stay() {
    let planted = Planted::new();
    let (records, contents) = (planted.store.records(), planted.store.contents());
    let folder = planted.root().join("tag/r");
    fs::create_dir_all(&folder).unwrap();
    for odd in ["latest", "latest!~", ".DS_Store", "a b!", "ä!", "a:b!", "!", "..!"] {
        fs::write(folder.join(odd), "odd").unwrap();
    }
    fs::create_dir_all(folder.join("odd folder/x")).unwrap();
    fs::write(planted.root().join("odd"), "odd").unwrap();
    let shard = planted.root().join("data/00");
    for odd in
        ["odd", "00000000-0000-4000-8000-00000000000", "ff000000-0000-4000-8000-000000000000"]
    {
        fs::write(shard.join(odd), "odd").unwrap();
    }
    fs::create_dir(shard.join("00000000-0000-4000-8000-000000000001")).unwrap();
    let before = tree(&planted.root());
    for prefix in ["tag/r/", "tag/"] {
        let listed: Vec<_> =
            records.list(KeyRange::all(prefix.into())).try_collect().await.unwrap();
        assert!(listed.is_empty(), "{listed:?}");
    }
    let listed: Vec<_> = contents.list(None).try_collect().await.unwrap();
    assert!(listed.is_empty(), "{listed:?}");
    assert!(matches!(records.get(&key("tag/r/latest"), None).await.unwrap(), Lookup::Absent));
    assert_eq!(tree(&planted.root()), before);
}

#[tokio::test]
async fn prefixes_that_no_key_has_lead_nowhere() {
    let planted = Planted::new();
    for prefix in ["../", "/", "", ".registry~/", "data/", "data/00/", "tag/../", "blob/x/"] {
        let range = KeyRange::all(prefix.into());
        let listed: Vec<_> = planted.store.records().list(range).try_collect().await.unwrap();
        assert!(listed.is_empty(), "{prefix:?}");
    }
}

#[tokio::test]
async fn a_sealed_content_that_was_cut_is_shorter_or_an_error_but_never_padded() {
    let planted = Planted::new();
    let (contents, id) = (planted.store.contents(), ContentId::new(&SystemRandom));
    let mut writer =
        contents.open(&id, &Checkpoint::START, &WriteOptions::default()).await.unwrap();
    writer.write(vec![vec![7; 1_000_000].into()]).await.unwrap();
    writer.checkpoint().await.unwrap();
    writer.seal(&SealOptions::default()).await.unwrap();
    drop(writer);
    let content = contents.read(&id, &ReadOptions::default()).await.unwrap().unwrap();
    let path = planted.root().join(format!("data/{}/{id}", &id.to_string()[..2]));
    let cut: Vec<u8> = fs::read(&path).unwrap()[..600_000].to_vec();
    fs::remove_file(&path).unwrap();
    fs::write(&path, cut).unwrap();
    let again = contents.read(&id, &ReadOptions::default()).await.unwrap().unwrap();
    assert_eq!(again.size(), 600_000, "who knows the size sees that it is another");
    let whole: Vec<Bytes> = content.into_stream().try_collect().await.unwrap();
    assert_eq!(whole.concat().len(), 1_000_000, "what was opened before stays whole");
    let content = contents.read(&id, &ReadOptions::default()).await.unwrap().unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(300_000).unwrap();
    let read = content.into_stream().try_collect::<Vec<Bytes>>().await;
    assert!(read.is_err(), "the bytes that are missing are not made up");
}

#[tokio::test]
async fn what_is_no_record_can_be_discarded_and_nothing_else() {
    let planted = Planted::new();
    let records = planted.store.records();
    let (good, odd) = (key("x-test/good"), key("x-test/odd"));
    for key in [&good, &odd] {
        let _ = records.put(key, record(), Expect::Absent).await.unwrap();
    }
    assert!(!records.discard_corrupt(&good).await.unwrap());
    assert!(!records.discard_corrupt(&key("x-test/absent")).await.unwrap());
    drop(records);
    let path = planted.path;
    drop(planted.store);
    let file = path.path().join("root/x-test/odd!");
    for plant in [
        |file: &Path| fs::write(file, SECRET).unwrap(),
        |file: &Path| {
            symlink("/dev/null", file).unwrap();
        },
    ] {
        let _ = fs::remove_file(&file);
        plant(&file);
        let store = Filesystem::open(path.path().join("root"), Options::default()).unwrap();
        let records = store.records();
        corrupt(records.get(&odd, None).await);
        assert!(records.discard_corrupt(&odd).await.unwrap());
        assert!(matches!(records.get(&odd, None).await.unwrap(), Lookup::Absent));
        assert!(matches!(records.get(&good, None).await.unwrap(), Lookup::Found(..)));
        let _ = records.put(&odd, record(), Expect::Absent).await.unwrap();
    }
}

#[test]
fn whatever_a_record_is_called_it_is_kept_below_the_root() {
    let planted = Planted::new();
    let records = planted.store.records();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let part = "(\\.{1,3}|outside|[a-z/\0]{1,3}|[A-Za-z0-9._:@+=-]{1,4})";
    let names = string_regex(&format!("(tag|x-a)(/{part}){{1,3}}")).unwrap();
    let kept = Cell::new(0);
    let put = |name: String| {
        if let Ok(key) = name.parse::<RecordKey>() {
            kept.set(kept.get() + 1);
            let put = runtime.block_on(records.put(&key, record(), Expect::Absent));
            prop_assert!(put.is_ok(), "{}: {:?}", name, put);
            let read = runtime.block_on(records.get(&key, None));
            prop_assert!(matches!(read, Ok(Lookup::Found(..))), "{}: {:?}", name, read);
        }
        Ok(())
    };
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&names, put).unwrap();
    assert!(kept.get() > 20, "{} names were keys", kept.get());
    planted.outside_is_untouched();
    assert_eq!(fs::read_dir(planted.path.path()).unwrap().count(), 2, "only root and outside");
}
