//! Bytes on their way out.
#![expect(missing_docs, reason = "a clause's name is the sentence that it checks")]

use std::{
    io::{Read, Seek, SeekFrom},
    ops::Range,
};

use bytes::Bytes;
use futures::future::join_all;

use super::{content, drain, ids, joined, leave_open, open, piece, refused, seal, whole};
use crate::ports::{
    Checkpoint, Content, ContentId, ContentStore, ReadOptions, RedirectOptions, SealOptions,
    StoreError, StoreErrorKind,
};

pub async fn what_is_absent_reads_as_none(store: &dyn ContentStore) {
    let [absent, other] = ids();
    seal(store, &other, &piece(store, 1)).await;
    assert!(content(store, &absent).await.is_none());
    assert!(range(store, &absent, 0..1).await.expect("reads").is_none());
}

pub async fn what_is_not_sealed_reads_as_none_unless_the_limits_say_otherwise(
    store: &dyn ContentStore,
) {
    let ([id], bytes) = (ids(), piece(store, 1));
    let at = leave_open(store, &id, &bytes).await;
    check_unsealed(store, &id, &bytes).await;
    let mut writer = open(store, &id, &at).await;
    check_unsealed(store, &id, &bytes).await;
    writer.seal(&SealOptions::default()).await.expect("seals");
    assert_eq!(whole(store, &id).await, bytes);
}

async fn check_unsealed(store: &dyn ContentStore, id: &ContentId, checkpointed: &Bytes) {
    let found = content(store, id).await;
    if store.limits().reads_unsealed {
        let bytes = drain(found.expect("unsealed contents can be read")).await;
        assert!(bytes.starts_with(checkpointed), "what the checkpoint covers can be read");
    } else {
        assert!(found.is_none(), "only sealed contents can be read");
    }
}

pub async fn every_edge_of_a_content_can_be_read(store: &dyn ContentStore) {
    let ([id], first, second) = (ids(), piece(store, 1), piece(store, 2));
    let bytes = joined(&[&first, &second]);
    let mut writer = open(store, &id, &Checkpoint::START).await;
    writer.write(vec![first.clone(), second]).await.expect("writes");
    writer.checkpoint().await.expect("checkpoints");
    writer.seal(&SealOptions::default()).await.expect("seals");
    let (size, seam) = (bytes.len() as u64, first.len() as u64);
    let edges = [0, 1, seam - 1, seam, seam + 1, size - 1, size];
    for (start, end) in edges.iter().flat_map(|start| edges.map(|end| (*start, end))) {
        if start > end {
            continue;
        }
        let want = &bytes[start as usize..end as usize];
        let found = || async {
            let found = range(store, &id, start..end).await.expect("reads").expect("is there");
            assert_eq!((found.size(), found.range()), (size, &(start..end)));
            found
        };
        assert_eq!(drain(found().await).await, want, "{start}..{end}");
        if let Ok((mut file, range)) = found().await.into_file() {
            let mut sent = vec![0; want.len()];
            file.seek(SeekFrom::Start(range.start)).expect("seeks");
            file.read_exact(&mut sent).expect("the file holds the range");
            assert_eq!(sent, want, "{start}..{end} of the file");
        }
    }
}

pub async fn a_range_beyond_the_content_is_corrupt(store: &dyn ContentStore) {
    let ([id, empty], bytes) = (ids(), piece(store, 1));
    seal(store, &id, &bytes).await;
    seal(store, &empty, &Bytes::new()).await;
    let size = bytes.len() as u64;
    for beyond in [0..size + 1, size - 1..size + 1, size..size + 1, size + 1..size + 2, 0..u64::MAX]
    {
        let answer = range(store, &id, beyond.clone()).await;
        assert_eq!(refused(answer), StoreErrorKind::Corrupt, "{beyond:?}");
    }
    assert_eq!(refused(range(store, &empty, 0..1).await), StoreErrorKind::Corrupt);
}

pub async fn a_content_is_read_by_many_at_the_same_time(store: &dyn ContentStore) {
    let ([id], bytes) = (ids(), piece(store, 1));
    seal(store, &id, &bytes).await;
    for read in join_all((0..16).map(|_| whole(store, &id))).await {
        assert_eq!(read, bytes);
    }
}

pub async fn an_address_is_given_only_where_the_limits_say_so(store: &dyn ContentStore) {
    let ([id], bytes) = (ids(), piece(store, 1));
    seal(store, &id, &bytes).await;
    let address = store.redirect(&id, &RedirectOptions::default()).await.expect("answers");
    assert_eq!(address.is_some(), store.limits().redirects);
}

async fn range(
    store: &dyn ContentStore,
    id: &ContentId,
    range: Range<u64>,
) -> Result<Option<Content>, StoreError> {
    store.read(id, &ReadOptions { range: Some(range) }).await
}
