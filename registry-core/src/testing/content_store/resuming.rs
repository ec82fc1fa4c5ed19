//! A writer goes on where another stopped.
#![expect(missing_docs, reason = "a clause's name is the sentence that it checks")]

use super::{
    DROPPED_AFTER, append, content, drop_after, ids, joined, leave_open, list, once_free, open,
    piece, refused, try_open, whole,
};
use crate::ports::{Checkpoint, ContentStore, SealOptions, StoreErrorKind};

pub async fn a_writer_goes_on_at_a_checkpoint(store: &dyn ContentStore) {
    let ([id], first, second) = (ids(), piece(store, 1), piece(store, 2));
    let at = leave_open(store, &id, &first).await;
    // Core keeps a checkpoint in a record: what comes back is equal, not the same.
    let at = Checkpoint::new(at.offset(), at.state().to_vec()).expect("a short state");
    let mut writer = open(store, &id, &at).await;
    append(&mut *writer, &second).await;
    writer.seal(&SealOptions::default()).await.expect("seals");
    assert_eq!(whole(store, &id).await, joined(&[&first, &second]));
}

pub async fn what_lies_beyond_the_last_checkpoint_is_cut_when_a_writer_is_dropped(
    store: &dyn ContentStore,
) {
    let ([id], first, cut, second) = (ids(), piece(store, 1), piece(store, 9), piece(store, 2));
    let mut writer = open(store, &id, &Checkpoint::START).await;
    let at = append(&mut *writer, &first).await;
    writer.write(vec![cut.clone(), cut]).await.expect("writes");
    drop(writer);
    let mut writer = open(store, &id, &at).await;
    append(&mut *writer, &second).await;
    writer.seal(&SealOptions::default()).await.expect("seals");
    assert_eq!(whole(store, &id).await, joined(&[&first, &second]));
}

pub async fn what_lies_beyond_an_older_checkpoint_is_cut_when_it_is_written_there(
    store: &dyn ContentStore,
) {
    // The record with the newer checkpoint was never written: core comes back with the older.
    let ([id], first, cut, second) = (ids(), piece(store, 1), piece(store, 9), piece(store, 2));
    let mut writer = open(store, &id, &Checkpoint::START).await;
    let at = append(&mut *writer, &first).await;
    append(&mut *writer, &joined(&[&cut, &cut])).await;
    drop(writer);
    let mut writer = open(store, &id, &at).await;
    let end = append(&mut *writer, &second).await;
    assert_eq!(end.offset(), (first.len() + second.len()) as u64);
    writer.seal(&SealOptions::default()).await.expect("seals");
    assert_eq!(whole(store, &id).await, joined(&[&first, &second]));
}

pub async fn what_lies_beyond_an_older_checkpoint_stays_until_something_is_written_there(
    store: &dyn ContentStore,
) {
    // Core looks whether its checkpoint is the newest only once nobody else can write.
    let ([id], first, second) = (ids(), piece(store, 1), piece(store, 2));
    let mut writer = open(store, &id, &Checkpoint::START).await;
    let older = append(&mut *writer, &first).await;
    let newer = append(&mut *writer, &second).await;
    drop(writer);
    for at in [Checkpoint::START, older] {
        drop(open(store, &id, &at).await);
    }
    let mut writer = open(store, &id, &newer).await;
    writer.seal(&SealOptions::default()).await.expect("seals");
    assert_eq!(whole(store, &id).await, joined(&[&first, &second]));
}

pub async fn a_content_opened_at_the_start_is_written_anew(store: &dyn ContentStore) {
    let ([id], first, second) = (ids(), piece(store, 9), piece(store, 1));
    leave_open(store, &id, &first).await;
    super::seal(store, &id, &second).await;
    assert_eq!(whole(store, &id).await, second);
}

pub async fn a_dropped_write_leaves_the_content_at_its_checkpoint(store: &dyn ContentStore) {
    let (contents, first, cut, second) = (
        ids::<{ DROPPED_AFTER.len() }>(),
        piece(store, 1),
        vec![piece(store, 9); 64],
        piece(store, 2),
    );
    for (id, polls) in contents.iter().zip(DROPPED_AFTER) {
        let mut writer = open(store, id, &Checkpoint::START).await;
        let at = append(&mut *writer, &first).await;
        drop_after(polls, writer.write(cut.clone())).await;
        drop(writer);
        let mut writer = open(store, id, &at).await;
        append(&mut *writer, &second).await;
        writer.seal(&SealOptions::default()).await.expect("seals");
        assert_eq!(whole(store, id).await, joined(&[&first, &second]), "dropped after {polls}");
    }
}

pub async fn a_dropped_checkpoint_leaves_the_one_before_good(store: &dyn ContentStore) {
    let (contents, first, cut) =
        (ids::<{ DROPPED_AFTER.len() }>(), piece(store, 1), piece(store, 9));
    for (id, polls) in contents.iter().zip(DROPPED_AFTER) {
        let mut writer = open(store, id, &Checkpoint::START).await;
        let at = append(&mut *writer, &first).await;
        writer.write(vec![cut.clone()]).await.expect("writes");
        drop_after(polls, writer.checkpoint()).await;
        drop(writer);
        let mut writer = open(store, id, &at).await;
        writer.seal(&SealOptions::default()).await.expect("seals");
        assert_eq!(whole(store, id).await, first, "dropped after {polls}");
    }
}

pub async fn a_dropped_open_leaves_the_content_to_the_next(store: &dyn ContentStore) {
    let (contents, bytes) = (ids::<{ DROPPED_AFTER.len() }>(), piece(store, 1));
    for (id, polls) in contents.iter().zip(DROPPED_AFTER) {
        drop_after(polls, try_open(store, id, &Checkpoint::START)).await;
        let at = leave_open(store, id, &bytes).await;
        drop_after(polls, try_open(store, id, &at)).await;
        let mut writer = open(store, id, &at).await;
        writer.seal(&SealOptions::default()).await.expect("seals");
        assert_eq!(whole(store, id).await, bytes, "dropped after {polls}");
    }
}

pub async fn an_absent_content_opens_only_at_the_start(store: &dyn ContentStore) {
    let ([id], bytes) = (ids(), piece(store, 1));
    let at = leave_open(store, &id, &bytes).await;
    once_free(|| store.delete(&id)).await.expect("deletes");
    assert_eq!(refused(try_open(store, &id, &at).await), StoreErrorKind::Lost);
    assert!(content(store, &id).await.is_none());
    assert!(list(store, None).await.is_empty(), "opening creates nothing there");
}
