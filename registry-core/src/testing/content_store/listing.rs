//! What a sweep finds.
#![expect(missing_docs, reason = "a clause's name is the sentence that it checks")]

use futures::StreamExt;

use super::{ids, leave_open, list, once_free, open, piece, seal};
use crate::ports::{Checkpoint, ContentId, ContentInfo, ContentStore, SealOptions};

pub async fn an_empty_store_lists_nothing(store: &dyn ContentStore) {
    assert!(list(store, None).await.is_empty());
    let [id] = ids();
    assert!(list(store, Some(id)).await.is_empty());
}

pub async fn contents_are_listed_in_the_order_of_their_ids(store: &dyn ContentStore) {
    let (contents, bytes) = (ids::<20>(), piece(store, 1));
    for id in contents.iter().rev() {
        seal(store, id, &bytes).await;
    }
    assert_eq!(list(store, None).await, sealed(&contents));
}

pub async fn what_is_not_sealed_is_listed_and_marked(store: &dyn ContentStore) {
    let ([half, whole, held], bytes) = (ids(), piece(store, 1));
    let at = leave_open(store, &half, &bytes).await;
    seal(store, &whole, &bytes).await;
    let at_held = leave_open(store, &held, &bytes).await;
    let writer = open(store, &held, &at_held).await;
    let marks = async || list(store, None).await.into_iter().map(|content| content.sealed);
    assert!(marks().await.eq([false, true, false]));
    drop(writer);
    let mut writer = open(store, &half, &at).await;
    writer.seal(&SealOptions::default()).await.expect("seals");
    assert!(marks().await.eq([true, true, false]));
}

pub async fn a_listing_starts_after_any_id(store: &dyn ContentStore) {
    let (contents, bytes) = (ids::<8>(), piece(store, 1));
    let [low, a, absent, b, c, d, last, high] = contents;
    for id in [a, b, c, d, last] {
        seal(store, &id, &bytes).await;
    }
    assert_eq!(list(store, Some(low)).await, sealed(&[a, b, c, d, last]));
    assert_eq!(list(store, Some(a)).await, sealed(&[b, c, d, last]));
    assert_eq!(list(store, Some(absent)).await, sealed(&[b, c, d, last]));
    assert_eq!(list(store, Some(last)).await, []);
    assert_eq!(list(store, Some(high)).await, []);
}

pub async fn what_is_there_throughout_a_listing_is_listed_once(store: &dyn ContentStore) {
    let (contents, bytes) = (ids::<40>(), piece(store, 1));
    let (kept, others): (Vec<_>, Vec<_>) = contents.iter().zip(0..).partition(|(_, i)| i % 2 == 0);
    for (id, _) in &kept {
        seal(store, id, &bytes).await;
    }
    let (gone, new) = others.split_at(10);
    for (id, _) in gone {
        leave_open(store, id, &bytes).await;
    }
    let mut listing = store.list(None);
    let mut listed = vec![listing.next().await.expect("an entry").expect("lists").id];
    for (id, _) in gone {
        once_free(|| store.delete(id)).await.expect("deletes");
    }
    for (id, _) in new {
        drop(open(store, id, &Checkpoint::START).await);
    }
    listed.extend(listing.map(|entry| entry.expect("lists").id).collect::<Vec<_>>().await);
    assert!(listed.is_sorted_by(|a, b| a < b), "in order, each once");
    for (id, _) in kept {
        assert!(listed.contains(id), "{id} was there throughout");
    }
}

fn sealed(ids: &[ContentId]) -> Vec<ContentInfo> {
    ids.iter().map(|id| ContentInfo { id: *id, sealed: true }).collect()
}
