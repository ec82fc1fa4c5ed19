//! Requests for one upload at once. Any of them may have read the session long before it opens the
//! content: whoever was told that bytes are kept finds them in the blob.

use std::{ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, executor::block_on, stream};
use registry_core::{
    digest::Digest,
    error::RegistryError,
    ports::ContentId,
    registry::{Chunk, Registry},
};

use super::{
    after,
    roles::{cancels, part},
    scene::{Part, Process, Scene, everything_holds},
};
use crate::{
    client::{Client, Fact, blob, body, digest},
    omissions::Omission,
    world::World,
};

/// An upload that has these bytes.
fn upload_with(bytes: &'static str) -> (World, ContentId) {
    let mut id = None;
    let world = after(async |client| {
        let upload = client.open().await.expect("nothing disturbs it");
        if !bytes.is_empty() {
            client.append(&upload, bytes.into()).await.expect("nothing disturbs it");
        }
        id = Some(upload);
    });
    (world, id.expect("it was opened"))
}

#[test]
fn of_several_that_go_on_an_upload_each_keeps_what_was_acknowledged_or_is_refused() {
    for begun in ["", "begun, "] {
        let (world, id) = upload_with(begun);
        let cast = || {
            vec![
                ("append", appends(id, "some")),
                ("append too", appends(id, "and more")),
                ("close", closes_after(id, begun, "the rest")),
            ]
        };
        let scene = |omission| {
            let scene = Scene::new(world.fork(), cast()).keeping(in_their_places(id, begun));
            Scene { omission, ..scene }
        };
        scene(None).holds(3, 0);
        scene(Some(Omission::UploadReadOnceOpen)).loses(1, "was acknowledged");
    }
}

#[test]
fn a_close_that_comes_late_cuts_nothing_that_was_acknowledged() {
    for begun in ["", "begun, "] {
        let (world, id) = upload_with(begun);
        let cast =
            vec![("close", closes_after(id, begun, "the rest")), ("append", appends(id, "some"))];
        let scene = Scene::new(world, cast).keeping(in_their_places(id, begun));
        scene.holds(5, 0);
        scene.without(Omission::UploadReadOnceOpen).loses(1, "was acknowledged");
    }
}

/// A client gives up on requests that are still on their way, and starts over.
#[test]
fn what_was_sent_before_and_comes_late_cuts_nothing_of_the_push_that_went_on() {
    let (world, id) = upload_with("");
    let cast = vec![
        ("late chunk", sends(id, &[0, 3])),
        ("late close", sends(id, &[0, WHOLE.len()])),
        ("push", sends(id, &[0, 3, 6, WHOLE.len()])),
    ];
    let scene = Scene::new(world, cast).keeping(completes(id));
    scene.holds(3, 0);
    scene.holds(1, 1);
    scene.without(Omission::UploadReadOnceOpen).loses(2, "was acknowledged");
}

#[test]
fn an_upload_that_goes_on_while_it_is_cancelled_and_closed_is_a_blob_or_nothing() {
    let (world, id) = upload_with("begun, ");
    let cast = vec![
        ("append", appends(id, "some")),
        ("close", closes_after(id, "begun, ", "the rest")),
        ("cancel", cancels(id)),
    ];
    let scene = Scene::new(world, cast).keeping(|facts, registry| {
        // What an upload holds is nobody's any more when it was cancelled.
        let blobs = facts.iter().filter(|fact| matches!(fact, Fact::Blob(..)));
        everything_holds(&blobs.cloned().collect::<Vec<_>>(), registry)
    });
    scene.holds(3, 0);
    scene.holds(1, 1);
}

#[test]
fn an_upload_that_expires_while_it_goes_on_is_dropped_or_keeps_what_was_acknowledged() {
    let (world, id) = upload_with("begun, ");
    let cast = vec![("append", appends_slowly(id, "some")), ("look", asks(id))];
    let scene = Scene::new(world, cast).keeping(move |facts, registry| {
        if kept(facts).is_empty() {
            return Ok(());
        }
        in_their_places(id, "begun, ")(facts, registry)
    });
    scene.holds(5, 0);
    scene.holds(2, 1);
}

/// Appends bytes that take longer to come than the upload lasts.
fn appends_slowly(id: ContentId, bytes: &'static str) -> Part {
    part(move |process| async move {
        let clock = Arc::clone(&process.clock);
        let slow = stream::once(async move {
            clock.advance(Duration::from_secs(48 * 60 * 60));
            Ok(bytes.into())
        });
        append(&process, id, Chunk::new(slow.boxed()), bytes.into()).await;
    })
}

/// Asks where the upload is, which drops it when it has expired.
fn asks(id: ContentId) -> Part {
    part(move |process| async move {
        let client = Client::new(&process.registry, "a");
        let _ = process.registry.upload_status(&client.caller, &client.name, &id).await;
    })
}

/// Appends bytes wherever the upload is.
fn appends(id: ContentId, bytes: &'static str) -> Part {
    part(move |process| async move {
        append(&process, id, Chunk::new(body([bytes.into()])), bytes.into()).await;
    })
}

/// Sends the last bytes, those before being these, wherever the upload is.
fn closes_after(id: ContentId, before: &'static str, rest: &'static str) -> Part {
    let digest = digest(&[before, rest].concat().into());
    part(move |process| async move {
        close(&process, id, Chunk::new(body([rest.into()])), digest).await;
    })
}

/// What is sent in chunks that say where they belong.
const WHOLE: &str = "onetwothree";

fn chunk(range: Range<usize>) -> Chunk {
    let mut chunk = Chunk::new(body([Bytes::from(&WHOLE[range.clone()])]));
    chunk.range = format!("{}-{}", range.start, range.end - 1).parse().ok();
    chunk.length = Some(range.len() as u64);
    chunk
}

/// Sends the chunks between these places until one is refused, and closes with that which ends
/// where the whole does.
fn sends(id: ContentId, places: &[usize]) -> Part {
    let places = places.to_vec();
    part(move |process| {
        let places = places.clone();
        async move {
            for range in places.windows(2).map(|ends| ends[0]..ends[1]) {
                let bytes = Bytes::from(&WHOLE[range.clone()]);
                if range.end == WHOLE.len() {
                    close(&process, id, chunk(range), digest(&WHOLE.into())).await;
                } else if !append(&process, id, chunk(range), bytes).await {
                    return;
                }
            }
        }
    })
}

/// Whether the bytes are kept.
async fn append(process: &Process, id: ContentId, chunk: Chunk, bytes: Bytes) -> bool {
    let client = Client::new(&process.registry, "a");
    match process.registry.append_upload(&client.caller, &client.name, &id, chunk).await {
        Ok(status) => {
            process.ledger.add([Fact::Kept(client.name, id, bytes, status.offset)]);
            true
        }
        Err(error) => {
            check_refusal(process, &error);
            false
        }
    }
}

async fn close(process: &Process, id: ContentId, chunk: Chunk, digest: Digest) {
    let client = Client::new(&process.registry, "a");
    match process.registry.close_upload(&client.caller, &client.name, &id, &digest, chunk).await {
        Ok(()) => process.ledger.add([Fact::Blob(client.name, digest)]),
        // Others had gone on before it, or are at work on the same close.
        Err(RegistryError::DigestDiffers(_) | RegistryError::Busy) => {}
        Err(error) => check_refusal(process, &error),
    }
}

/// Whoever loses a race is told where the upload is, or that it takes no bytes any more.
fn check_refusal(process: &Process, error: &RegistryError) {
    match error {
        RegistryError::UploadRange { .. }
        | RegistryError::UploadUnknown
        | RegistryError::UploadInvalid(_) => {}
        error => process.ledger.complain(format!("refused with {error:?}")),
    }
}

/// What was kept, the first bytes first.
fn kept(facts: &[Fact]) -> Vec<(&Bytes, u64)> {
    let piece = |fact| match fact {
        &Fact::Kept(_, _, ref bytes, end) => Some((bytes, end)),
        _ => None,
    };
    let mut kept: Vec<_> = facts.iter().filter_map(piece).collect();
    kept.sort_by_key(|(_, end)| *end);
    kept
}

/// Whether what was acknowledged is one behind the other: in the blob, if the upload was closed;
/// else in the upload, which can be closed with just that.
fn in_their_places(
    id: ContentId,
    begun: &'static str,
) -> impl Fn(&[Fact], &Registry) -> Result<(), String> {
    move |facts, registry| {
        let mut all = begun.as_bytes().to_vec();
        for (bytes, end) in kept(facts) {
            all.extend_from_slice(bytes);
            if all.len() as u64 != end {
                return Err(format!("{bytes:?} was acknowledged in the place of others"));
            }
        }
        let all = Bytes::from(all);
        let client = Client::new(registry, "a");
        let closed = facts.iter().find_map(|fact| match fact {
            Fact::Blob(_, digest) => Some(*digest),
            _ => None,
        });
        let digest = closed.unwrap_or_else(|| digest(&all));
        if closed.is_none() {
            block_on(client.close(&id, Bytes::new(), digest))
                .map_err(|error| format!("{all:?} was acknowledged and is not kept: {error:?}"))?;
        }
        match block_on(blob(registry, &client.name, &digest)) {
            Ok(Some(bytes)) if bytes.starts_with(&all) => Ok(()),
            found => Err(format!("{all:?} was acknowledged and is {found:?}")),
        }
    }
}

/// Whether a client that asks where the upload is completes the push.
fn completes(id: ContentId) -> impl Fn(&[Fact], &Registry) -> Result<(), String> {
    move |facts, registry| {
        let (client, whole) = (Client::new(registry, "a"), Bytes::from(WHOLE));
        match block_on(registry.upload_status(&client.caller, &client.name, &id)) {
            Ok(status) => {
                let end = kept(facts).last().map_or(0, |(_, end)| *end);
                if status.offset < end {
                    return Err(format!("{end} was acknowledged of {}", status.offset));
                }
                let rest = whole.slice(status.offset as usize..);
                block_on(client.close(&id, rest, digest(&whole)))
                    .map_err(|e| format!("what was acknowledged is not kept: {e:?}"))?;
            }
            // It was closed: the blob tells.
            Err(RegistryError::UploadUnknown) => {}
            Err(error) => return Err(format!("{error:?}")),
        }
        everything_holds(&[Fact::Blob(client.name, digest(&whole))], registry)
    }
}
