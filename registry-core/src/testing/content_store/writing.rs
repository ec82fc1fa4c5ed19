//! One writer appends.
#![expect(missing_docs, reason = "a clause's name is the sentence that it checks")]

use bytes::Bytes;
use futures::future::join_all;

use super::{append, content, ids, joined, open, piece, refused, try_open, whole};
use crate::ports::{Checkpoint, ContentStore, SealOptions, StoreErrorKind};

pub async fn what_was_written_and_sealed_is_read_back(store: &dyn ContentStore) {
    let ([id], bytes) = (ids(), piece(store, 1));
    super::seal(store, &id, &bytes).await;
    assert_eq!(whole(store, &id).await, bytes);
    assert_eq!(content(store, &id).await.expect("is there").size(), bytes.len() as u64);
}

pub async fn buffers_are_appended_in_their_order(store: &dyn ContentStore) {
    let [id] = ids();
    let pieces: [Bytes; 8] = std::array::from_fn(|i| piece(store, i as u8));
    let mut writer = open(store, &id, &Checkpoint::START).await;
    for pair in pieces.chunks(2) {
        writer.write(pair.to_vec()).await.expect("writes");
    }
    writer.checkpoint().await.expect("checkpoints");
    writer.seal(&SealOptions::default()).await.expect("seals");
    assert_eq!(whole(store, &id).await, joined(&pieces.each_ref()));
}

pub async fn a_write_takes_any_number_of_buffers_of_any_size(store: &dyn ContentStore) {
    let [id] = ids();
    let large = Bytes::from(vec![7; 3 << 20]);
    // More than the 1024 buffers that POSIX lets one `writev` take, empty ones among them.
    let small: Vec<Bytes> = (0..3000).map(|i| Bytes::from(vec![i as u8; i % 3])).collect();
    let mut writer = open(store, &id, &Checkpoint::START).await;
    writer.write(Vec::new()).await.expect("writes no buffer");
    writer.write(vec![large.clone(), Bytes::new(), large.clone()]).await.expect("writes large");
    writer.write(small.clone()).await.expect("writes many");
    writer.checkpoint().await.expect("checkpoints");
    writer.seal(&SealOptions::default()).await.expect("seals");
    let all: Vec<&Bytes> = [&large, &large].into_iter().chain(&small).collect();
    assert!(whole(store, &id).await == joined(&all), "the bytes differ");
}

pub async fn a_checkpoint_says_how_many_bytes_are_written(store: &dyn ContentStore) {
    let ([id], bytes) = (ids(), piece(store, 1));
    let mut writer = open(store, &id, &Checkpoint::START).await;
    assert_eq!(writer.checkpoint().await.expect("checkpoints").offset(), 0);
    for round in 1..=3 {
        let at = append(&mut *writer, &bytes).await;
        assert_eq!(at.offset(), round * bytes.len() as u64);
    }
}

pub async fn a_checkpoint_without_new_bytes_stays_where_it_was(store: &dyn ContentStore) {
    let ([id], bytes) = (ids(), piece(store, 1));
    let mut writer = open(store, &id, &Checkpoint::START).await;
    let offset = append(&mut *writer, &bytes).await.offset();
    let at = writer.checkpoint().await.expect("checkpoints");
    assert_eq!(at.offset(), offset);
    drop(writer);
    let mut writer = open(store, &id, &at).await;
    assert_eq!(writer.checkpoint().await.expect("checkpoints").offset(), offset);
    writer.seal(&SealOptions::default()).await.expect("seals");
    assert_eq!(whole(store, &id).await, bytes);
}

pub async fn contents_written_at_the_same_time_do_not_mix(store: &dyn ContentStore) {
    let contents: [_; 8] = ids();
    join_all(contents.iter().zip(0..).map(async |(id, seed)| {
        let mut writer = open(store, id, &Checkpoint::START).await;
        for _ in 0..4 {
            append(&mut *writer, &piece(store, seed)).await;
        }
        writer.seal(&SealOptions::default()).await.expect("seals");
    }))
    .await;
    for (id, seed) in contents.iter().zip(0..) {
        let own = piece(store, seed);
        assert_eq!(whole(store, id).await, joined(&[&own, &own, &own, &own]));
    }
}

pub async fn a_second_writer_is_refused_at_once(store: &dyn ContentStore) {
    let ([id], bytes) = (ids(), piece(store, 1));
    let mut writer = open(store, &id, &Checkpoint::START).await;
    assert_eq!(refused(try_open(store, &id, &Checkpoint::START).await), StoreErrorKind::Busy);
    let at = append(&mut *writer, &bytes).await;
    assert_eq!(refused(try_open(store, &id, &at).await), StoreErrorKind::Busy);
    writer.seal(&SealOptions::default()).await.expect("the first writer is not disturbed");
    assert_eq!(refused(try_open(store, &id, &at).await), StoreErrorKind::Busy);
    drop(writer);
    assert_eq!(whole(store, &id).await, bytes);
}

pub async fn one_of_many_racing_writers_gets_the_content(store: &dyn ContentStore) {
    let ([id], start) = (ids(), Checkpoint::START);
    let racers = join_all((0..8).map(|_| try_open(store, &id, &start))).await;
    for error in racers.iter().filter_map(|racer| racer.as_ref().err()) {
        assert_eq!(error.kind(), StoreErrorKind::Busy);
    }
    assert_eq!(racers.iter().filter(|racer| racer.is_ok()).count(), 1);
}

pub async fn a_dropped_writer_leaves_the_content_to_the_next(store: &dyn ContentStore) {
    let [id] = ids();
    for seed in 0..10 {
        let mut writer = open(store, &id, &Checkpoint::START).await;
        writer.write(vec![piece(store, seed)]).await.expect("writes");
    }
    let bytes = piece(store, 77);
    super::seal(store, &id, &bytes).await;
    assert_eq!(whole(store, &id).await, bytes);
}
