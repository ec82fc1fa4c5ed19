//! The bytes get their final form.
#![expect(missing_docs, reason = "a clause's name is the sentence that it checks")]

use super::{
    DROPPED_AFTER, append, drop_after, ids, joined, leave_open, list, open, piece, refused,
    try_open, whole,
};
use crate::ports::{Checkpoint, ContentStore, SealOptions, StoreErrorKind};

pub async fn a_content_of_no_bytes_can_be_sealed(store: &dyn ContentStore) {
    let [never_checkpointed, checkpointed, written] = ids();
    let options = SealOptions::default();
    let mut writer = open(store, &never_checkpointed, &Checkpoint::START).await;
    writer.seal(&options).await.expect("seals");
    let mut writer = open(store, &checkpointed, &Checkpoint::START).await;
    writer.checkpoint().await.expect("checkpoints");
    writer.seal(&options).await.expect("seals");
    let mut writer = open(store, &written, &Checkpoint::START).await;
    writer.write(vec![bytes::Bytes::new()]).await.expect("writes");
    writer.checkpoint().await.expect("checkpoints");
    writer.seal(&options).await.expect("seals");
    for id in [never_checkpointed, checkpointed, written] {
        assert!(whole(store, &id).await.is_empty());
    }
    assert!(list(store, None).await.iter().all(|content| content.sealed));
}

pub async fn sealing_cuts_to_the_last_checkpoint(store: &dyn ContentStore) {
    let ([id], bytes) = (ids(), piece(store, 1));
    let mut writer = open(store, &id, &Checkpoint::START).await;
    append(&mut *writer, &bytes).await;
    writer.write(vec![piece(store, 9); 3]).await.expect("writes");
    writer.seal(&SealOptions::default()).await.expect("seals");
    assert_eq!(whole(store, &id).await, bytes);
}

pub async fn sealing_what_was_never_checkpointed_keeps_nothing(store: &dyn ContentStore) {
    let [id] = ids();
    let mut writer = open(store, &id, &Checkpoint::START).await;
    writer.write(vec![piece(store, 9)]).await.expect("writes");
    writer.seal(&SealOptions::default()).await.expect("seals");
    assert!(whole(store, &id).await.is_empty());
}

pub async fn sealing_twice_does_nothing(store: &dyn ContentStore) {
    let ([id], bytes) = (ids(), piece(store, 1));
    let mut writer = open(store, &id, &Checkpoint::START).await;
    append(&mut *writer, &bytes).await;
    for _ in 0..3 {
        writer.seal(&SealOptions::default()).await.expect("seals");
        assert_eq!(whole(store, &id).await, bytes);
    }
}

pub async fn a_sealed_content_opens_where_it_was_sealed_and_seals_again(store: &dyn ContentStore) {
    let ([id, empty], bytes) = (ids(), piece(store, 1));
    let at = super::seal(store, &id, &bytes).await;
    let at_nothing = super::seal(store, &empty, &bytes::Bytes::new()).await;
    for _ in 0..2 {
        let mut writer = open(store, &id, &at).await;
        writer.seal(&SealOptions::default()).await.expect("seals again");
        let mut writer = open(store, &empty, &at_nothing).await;
        writer.seal(&SealOptions::default()).await.expect("seals again");
    }
    // Opened and dropped without sealing: it stays sealed.
    drop(open(store, &id, &at).await);
    assert_eq!(whole(store, &id).await, bytes);
    assert!(whole(store, &empty).await.is_empty());
}

pub async fn a_sealed_content_opens_at_no_other_checkpoint(store: &dyn ContentStore) {
    let ([id], first, second) = (ids(), piece(store, 1), piece(store, 2));
    let mut writer = open(store, &id, &Checkpoint::START).await;
    let older = append(&mut *writer, &first).await;
    append(&mut *writer, &second).await;
    writer.seal(&SealOptions::default()).await.expect("seals");
    drop(writer);
    for at in [Checkpoint::START, older] {
        let answer = super::once_free(|| try_open(store, &id, &at)).await;
        assert_eq!(refused(answer), StoreErrorKind::Sealed);
    }
    assert_eq!(whole(store, &id).await, joined(&[&first, &second]));
}

pub async fn nothing_changes_a_sealed_content(store: &dyn ContentStore) {
    let ([id], bytes, more) = (ids(), piece(store, 1), piece(store, 9));
    let at = super::seal(store, &id, &bytes).await;
    let mut writer = open(store, &id, &at).await;
    // Whether each of these is refused or does nothing is the store's choice.
    let answers = [
        writer.write(vec![more]).await,
        writer.checkpoint().await.map(drop),
        writer.seal(&SealOptions::default()).await,
    ];
    drop(writer);
    assert_eq!(whole(store, &id).await, bytes, "{answers:?}");
    let mut writer = open(store, &id, &at).await;
    writer.seal(&SealOptions::default()).await.expect("seals where it was sealed");
    assert_eq!(whole(store, &id).await, bytes);
}

pub async fn a_sealed_content_is_read_while_it_is_sealed_again(store: &dyn ContentStore) {
    let ([id], bytes) = (ids(), piece(store, 1));
    let at = super::seal(store, &id, &bytes).await;
    let mut writer = open(store, &id, &at).await;
    assert_eq!(whole(store, &id).await, bytes);
    writer.seal(&SealOptions::default()).await.expect("seals again");
    assert_eq!(whole(store, &id).await, bytes);
}

pub async fn a_dropped_seal_can_be_sealed_again(store: &dyn ContentStore) {
    let (contents, bytes) = (ids::<{ DROPPED_AFTER.len() }>(), piece(store, 1));
    for (id, polls) in contents.iter().zip(DROPPED_AFTER) {
        let at = leave_open(store, id, &bytes).await;
        let mut writer = open(store, id, &at).await;
        drop_after(polls, writer.seal(&SealOptions::default())).await;
        drop(writer);
        let mut writer = open(store, id, &at).await;
        writer.seal(&SealOptions::default()).await.expect("seals");
        assert_eq!(whole(store, id).await, bytes, "dropped after {polls}");
    }
}
