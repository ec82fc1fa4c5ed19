//! A checkpoint holds only for the bytes that it was made of.

use registry_core::ports::StoreErrorKind;

use super::*;

async fn kind(store: &Filesystem, id: &ContentId, at: &Checkpoint) -> Option<StoreErrorKind> {
    writer(&store.contents(), id, at).await.err().map(|error| error.kind())
}

/// Drops a store and everything of it.
async fn reopen(fixture: &Fixture, store: Filesystem) -> Filesystem {
    drop(store);
    loop {
        match fixture.open() {
            Err(OpenError::Busy(_)) => tokio::task::yield_now().await,
            store => return store.unwrap(),
        }
    }
}

#[tokio::test]
async fn a_checkpoint_below_which_others_wrote_is_lost_also_to_the_next_process() {
    let fixture = Fixture::on_disk();
    let (store, id) = (fixture.open().unwrap(), id());
    let mut first = writer(&store.contents(), &id, &Checkpoint::START).await.unwrap();
    let older = append(&mut *first, "abc").await.unwrap();
    let newer = append(&mut *first, "def").await.unwrap();
    drop(first);
    let mut second = writer(&store.contents(), &id, &older).await.unwrap();
    let other = append(&mut *second, "xyz").await.unwrap();
    drop(second);
    let store = reopen(&fixture, store).await;
    assert_eq!(kind(&store, &id, &newer).await, Some(StoreErrorKind::Lost));
    assert_eq!(kind(&store, &id, &older).await, None, "its bytes are there");
    let mut third = writer(&store.contents(), &id, &other).await.unwrap();
    third.seal(&SealOptions::default()).await.unwrap();
    drop(third);
    assert_eq!(whole(&store.contents(), &id).await.unwrap(), Some("abcxyz".into()));
    assert_eq!(kind(&store, &id, &newer).await, Some(StoreErrorKind::Sealed));
}

#[tokio::test]
async fn opening_at_an_older_checkpoint_harms_nothing_before_something_is_written() {
    let fixture = Fixture::on_disk();
    let (store, id) = (fixture.open().unwrap(), id());
    let mut first = writer(&store.contents(), &id, &Checkpoint::START).await.unwrap();
    let older = append(&mut *first, "abc").await.unwrap();
    let newer = append(&mut *first, "def").await.unwrap();
    drop(first);
    drop(writer(&store.contents(), &id, &older).await.unwrap());
    let mut second = writer(&store.contents(), &id, &newer).await.unwrap();
    second.seal(&SealOptions::default()).await.unwrap();
    assert_eq!(whole(&store.contents(), &id).await.unwrap(), Some("abcdef".into()));
}

#[tokio::test]
async fn a_checkpoint_does_not_outlive_the_machine() {
    let fixture = Fixture::on_disk();
    let (store, id) = (fixture.open().unwrap(), id());
    let mut open = writer(&store.contents(), &id, &Checkpoint::START).await.unwrap();
    let at = append(&mut *open, "abc").await.unwrap();
    drop(open);
    let upload = RecordKey::upload(&id);
    create(&store.records(), &upload, "").await;
    fixture.seam.reboot();
    let store = reopen(&fixture, store).await;
    assert_eq!(kind(&store, &id, &at).await, Some(StoreErrorKind::Lost));
    assert_eq!(body(&store.records(), &upload).await.unwrap(), None);
}
