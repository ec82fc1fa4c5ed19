//! Contents go away for ever.
#![expect(missing_docs, reason = "a clause's name is the sentence that it checks")]

use super::{
    DROPPED_AFTER, append, content, drop_after, ids, leave_open, list, once_free, open, piece,
    refused, seal, whole,
};
use crate::ports::{Checkpoint, ContentId, ContentStore, SealOptions, StoreErrorKind};

pub async fn deleting_a_sealed_content_says_that_it_was_there(store: &dyn ContentStore) {
    let ([id], bytes) = (ids(), piece(store, 1));
    seal(store, &id, &bytes).await;
    assert!(delete(store, &id).await);
    assert!(!delete(store, &id).await);
}

pub async fn deleting_a_half_written_content_says_that_it_was_there(store: &dyn ContentStore) {
    let ([id], bytes) = (ids(), piece(store, 1));
    leave_open(store, &id, &bytes).await;
    assert!(delete(store, &id).await);
    assert!(!delete(store, &id).await);
}

pub async fn deleting_what_is_absent_says_so(store: &dyn ContentStore) {
    let [id] = ids();
    assert!(!delete(store, &id).await);
}

pub async fn a_content_that_is_being_written_is_not_deleted(store: &dyn ContentStore) {
    let ([id], bytes) = (ids(), piece(store, 1));
    let mut writer = open(store, &id, &Checkpoint::START).await;
    assert_eq!(refused(store.delete(&id).await), StoreErrorKind::Busy);
    let at = append(&mut *writer, &bytes).await;
    assert_eq!(refused(store.delete(&id).await), StoreErrorKind::Busy);
    writer.seal(&SealOptions::default()).await.expect("seals");
    drop(writer);
    let writer = open(store, &id, &at).await;
    assert_eq!(refused(store.delete(&id).await), StoreErrorKind::Busy);
    drop(writer);
    assert_eq!(whole(store, &id).await, bytes);
}

pub async fn a_deleted_content_is_not_found_again(store: &dyn ContentStore) {
    let ([sealed, half], bytes) = (ids(), piece(store, 1));
    seal(store, &sealed, &bytes).await;
    leave_open(store, &half, &bytes).await;
    for id in [sealed, half] {
        delete(store, &id).await;
        assert!(content(store, &id).await.is_none());
    }
    assert!(list(store, None).await.is_empty());
}

pub async fn deleting_one_content_leaves_the_others(store: &dyn ContentStore) {
    let ([a, b, c], bytes) = (ids(), piece(store, 1));
    for id in [a, b, c] {
        seal(store, &id, &bytes).await;
    }
    delete(store, &b).await;
    assert_eq!(whole(store, &a).await, bytes);
    assert_eq!(whole(store, &c).await, bytes);
    let left: Vec<ContentId> = list(store, None).await.iter().map(|content| content.id).collect();
    assert_eq!(left, [a, c]);
}

pub async fn a_dropped_delete_can_be_deleted_again(store: &dyn ContentStore) {
    let (contents, bytes) = (ids::<{ DROPPED_AFTER.len() }>(), piece(store, 1));
    for (id, polls) in contents.iter().zip(DROPPED_AFTER) {
        seal(store, id, &bytes).await;
        drop_after(polls, store.delete(id)).await;
        delete(store, id).await;
        assert!(content(store, id).await.is_none(), "dropped after {polls}");
    }
    assert!(list(store, None).await.is_empty());
}

async fn delete(store: &dyn ContentStore, id: &ContentId) -> bool {
    once_free(|| store.delete(id)).await.expect("deletes")
}
