//! What a new process finds. (What power loss leaves, a store tests itself: it takes a seam below
//! the store.)
#![expect(missing_docs, reason = "a clause's name is the sentence that it checks")]

use super::{append, content, ids, joined, leave_open, list, once_free, open, piece, seal, whole};
use crate::{
    ports::{Checkpoint, ContentStore, SealOptions},
    testing::Harness,
};

pub async fn a_sealed_content_outlives_the_process(harness: &dyn Harness<dyn ContentStore>) {
    let store = harness.open().await;
    let ([id], bytes) = (ids(), piece(&*store, 1));
    seal(&*store, &id, &bytes).await;
    drop(store);
    let store = harness.open().await;
    assert_eq!(whole(&*store, &id).await, bytes);
    assert!(list(&*store, None).await[0].sealed);
}

pub async fn a_writer_goes_on_at_a_checkpoint_of_the_process_before(
    harness: &dyn Harness<dyn ContentStore>,
) {
    let store = harness.open().await;
    let ([id], first, second) = (ids(), piece(&*store, 1), piece(&*store, 2));
    let at = leave_open(&*store, &id, &first).await;
    drop(store);
    let store = harness.open().await;
    let mut writer = open(&*store, &id, &at).await;
    append(&mut *writer, &second).await;
    writer.seal(&SealOptions::default()).await.expect("seals");
    assert_eq!(whole(&*store, &id).await, joined(&[&first, &second]));
}

pub async fn what_the_process_before_wrote_beyond_its_checkpoint_is_cut(
    harness: &dyn Harness<dyn ContentStore>,
) {
    let store = harness.open().await;
    let ([id], first, cut) = (ids(), piece(&*store, 1), piece(&*store, 9));
    let mut writer = open(&*store, &id, &Checkpoint::START).await;
    let at = append(&mut *writer, &first).await;
    append(&mut *writer, &cut).await;
    writer.write(vec![cut]).await.expect("writes");
    drop((writer, store));
    let store = harness.open().await;
    let mut writer = open(&*store, &id, &at).await;
    writer.seal(&SealOptions::default()).await.expect("seals");
    assert_eq!(whole(&*store, &id).await, first);
}

pub async fn a_content_sealed_by_the_process_before_is_sealed_again(
    harness: &dyn Harness<dyn ContentStore>,
) {
    let store = harness.open().await;
    let ([id], bytes) = (ids(), piece(&*store, 1));
    let at = seal(&*store, &id, &bytes).await;
    drop(store);
    let store = harness.open().await;
    let mut writer = open(&*store, &id, &at).await;
    writer.seal(&SealOptions::default()).await.expect("seals");
    assert_eq!(whole(&*store, &id).await, bytes);
}

pub async fn a_half_written_content_of_the_process_before_is_listed_and_deleted(
    harness: &dyn Harness<dyn ContentStore>,
) {
    let store = harness.open().await;
    let ([id], bytes) = (ids(), piece(&*store, 1));
    leave_open(&*store, &id, &bytes).await;
    drop(store);
    let store = harness.open().await;
    let listed = list(&*store, None).await;
    assert_eq!(
        listed.iter().map(|found| (found.id, found.sealed)).collect::<Vec<_>>(),
        [(id, false)]
    );
    assert!(once_free(|| store.delete(&id)).await.expect("deletes"));
    assert!(content(&*store, &id).await.is_none());
}
