//! Pushes, deletions, mounts and collectors against each other, in every order up to a bound; and
//! the same with one step of the protocol left out, which must lose something in some order.

mod first_push;
mod immutable;
mod reliance;
mod roles;
mod scene;
mod uploads;

use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use registry_core::{
    error::RegistryError,
    ports::ContentId,
    testing::{Call, Fault, Faults, Sample},
};
use roles::{
    cancels, closes, collects_blobs, collects_everything, collects_links, deletes_blob,
    deletes_manifest, mounts, pushes, pushes_blob, pushes_manifest, relies_on_head, sweeps,
};
use scene::{Scene, all_or_nothing, the_latest_holds};

use crate::{
    client::{Client, Fact, digest},
    collector::LeftOut,
    omissions::{Omission, Without},
    plain::{Flaw, PlainRecords},
    world::World,
};

/// A world in which somebody did this, undisturbed.
fn after(act: impl AsyncFnOnce(Client<'_>)) -> World {
    after_without(None, act)
}

fn after_without(omission: Option<Omission>, act: impl AsyncFnOnce(Client<'_>)) -> World {
    let world = World::default();
    let stores = Without::new(world.contents.clone(), world.records.clone(), omission);
    let registry = world.builder(stores.clone(), stores).build();
    block_on(act(Client::new(&registry, "a")));
    world
}

/// An image of one blob, which is pushed, and its manifest is not.
fn pushed_blob() -> (World, Sample) {
    let sample = Sample::image(1, 0);
    let world = after(async |client| {
        client.push_blob(&sample.blobs[0]).await.expect("nothing disturbs it");
    });
    (world, sample)
}

/// An upload that has all its bytes and waits to be closed.
fn waiting_upload() -> (World, ContentId, Bytes) {
    let (bytes, mut id) = (Bytes::from("uploaded"), None);
    let world = after(async |client| {
        let upload = client.open().await.expect("nothing disturbs it");
        client.append(&upload, bytes.clone()).await.expect("nothing disturbs it");
        id = Some(upload);
    });
    (world, id.expect("it was opened"), bytes)
}

#[test]
fn a_manifest_pushed_while_blobs_are_collected_keeps_its_blobs() {
    let (world, sample) = pushed_blob();
    let cast = vec![("push", pushes_manifest(&sample, &["v1"])), ("collect", collects_blobs())];
    let scene = Scene::new(world, cast);
    scene.holds(5, 0);
    scene.holds(2, 1);
    scene.collecting_without(LeftOut::SecondListing).loses(2, "is gone");
}

#[test]
fn a_manifest_that_were_not_pending_first_would_lose_its_blobs() {
    let (world, sample) = pushed_blob();
    let cast = vec![("push", pushes_manifest(&sample, &["v1"])), ("collect", collects_blobs())];
    Scene::new(world, cast).without(Omission::ManifestFirst).loses(2, "is gone");
}

#[test]
fn a_manifest_pushed_while_two_collect_keeps_its_blobs() {
    let (mut world, sample) = pushed_blob();
    let cast = || {
        vec![
            ("collect", collects_blobs()),
            ("collect too", collects_blobs()),
            ("push", pushes_manifest(&sample, &["v1"])),
        ]
    };
    Scene::new(world.fork(), cast()).holds(3, 0);
    // A version that says no more than the record does, without its nonce, comes back (I4).
    let records = PlainRecords::flawed(Flaw::VersionsByContent);
    world.records.all().into_iter().for_each(|(key, record)| records.adopt(key, record));
    world.records = records;
    Scene::new(world, cast()).loses(3, "is gone");
}

#[test]
fn a_manifest_pushed_while_links_are_collected_keeps_its_links() {
    let (world, sample) = pushed_blob();
    let cast = vec![("push", pushes_manifest(&sample, &["v1"])), ("collect", collects_links())];
    let scene = Scene::new(world, cast);
    scene.holds(5, 0);
    scene.holds(2, 1);
    scene.collecting_without(LeftOut::CondemnedLinks).loses(2, "Blob(");
}

#[test]
fn whoever_is_told_that_a_blob_exists_pushes_its_manifest_or_is_told_otherwise() {
    let (world, sample) = pushed_blob();
    let cast = vec![("head", relies_on_head(&sample)), ("collect", collects_blobs())];
    Scene::new(world, cast).holds(3, 0);
}

#[test]
fn everything_at_once_keeps_what_is_acknowledged() {
    let (world, sample) = pushed_blob();
    let push = || ("push", pushes(&sample, &["v1"]));
    let cast = vec![push(), ("collect everything", collects_everything())];
    Scene::new(world.fork(), cast).holds(2, 0);
    let cast = vec![
        push(),
        ("collect", collects_blobs()),
        ("collect links", collects_links()),
        ("sweep", sweeps()),
    ];
    Scene::new(world, cast).holds(1, 0);
}

#[test]
fn a_manifest_pushed_while_pending_ones_are_reaped_is_there_or_refused() {
    let (world, sample) = pushed_blob();
    let cast = vec![("push", pushes_manifest(&sample, &["v1"])), ("sweep", sweeps())];
    let scene = Scene::new(world, cast);
    scene.holds(5, 0);
    scene.holds(2, 1);
}

#[test]
fn a_blob_pushed_again_while_it_is_collected_has_its_bytes() {
    let (world, sample) = pushed_blob();
    let cast = vec![("push", pushes_blob(&sample.blobs[0], "a")), ("collect", collects_blobs())];
    // It may be collected after it was acknowledged: no manifest refers to it.
    let scene = Scene::new(world, cast).keeping(|_, _| Ok(()));
    scene.holds(4, 0);
    scene.holds(2, 1);
    scene.without(Omission::FreshNames).loses(2, "not there");
}

#[test]
fn a_blob_pushed_twice_at_once_is_there_and_no_content_is_named_that_is_swept() {
    let bytes = Bytes::from("twice");
    let cast = vec![
        ("push", pushes_blob(&bytes, "a")),
        ("push too", pushes_blob(&bytes, "b")),
        ("sweep", sweeps()),
    ];
    let scene = Scene::new(World::default(), cast);
    scene.holds(2, 0);
    scene.holds(1, 1);
}

#[test]
fn an_upload_cancelled_while_it_is_closed_is_a_blob_or_nothing() {
    let (world, id, bytes) = waiting_upload();
    let cast = || vec![("close", closes(id, &bytes)), ("cancel", cancels(id))];
    let scene = Scene::new(world.fork(), cast());
    scene.holds(5, 0);
    scene.holds(2, 1);
    Scene::new(world.fork(), cast()).without(Omission::UploadReadAgain).loses(3, "not there");
    Scene::new(world, cast()).without(Omission::RenewedNonce).loses(2, "not there");
}

#[test]
fn an_upload_closed_twice_while_it_is_cancelled_is_a_blob_or_nothing() {
    let (world, id, bytes) = waiting_upload();
    let cast = vec![
        ("close", closes(id, &bytes)),
        ("close again", closes(id, &bytes)),
        ("cancel", cancels(id)),
        ("sweep", sweeps()),
    ];
    Scene::new(world, cast).holds(2, 0);
}

#[test]
fn a_close_repeated_while_its_blob_is_collected_revives_no_deleted_bytes() {
    let (world, id, bytes) = waiting_upload();
    stop_after_publishing(&world, id, &bytes);
    let cast = || vec![("close", closes(id, &bytes)), ("collect", collects_blobs())];
    let scene = Scene::new(world.fork(), cast()).keeping(|_, _| Ok(()));
    scene.holds(5, 0);
    scene.holds(2, 1);
    let scene = Scene::new(world, cast()).keeping(|_, _| Ok(()));
    scene.collecting_without(LeftOut::Abort).loses(2, "not there");
}

/// A first close whose process stopped when the blob record named its content.
fn stop_after_publishing(world: &World, id: ContentId, bytes: &Bytes) {
    let is_blob = |call: &Call| matches!(call, Call::Put(key) if key.kind() == "blob");
    let close = |world: &World, faults: &Arc<Faults>| {
        let registry = world.registry_behind(faults);
        let client = Client::new(&registry, "a");
        block_on(client.close(&id, Bytes::new(), digest(bytes))).is_ok()
    };
    let rehearsal = Faults::none();
    assert!(close(&world.fork(), &rehearsal));
    let published = rehearsal.calls().iter().position(is_blob).expect("it names the content");
    assert!(!close(world, &Faults::at(published, Fault::CrashAfter)));
}

#[test]
fn a_client_that_hangs_up_does_not_stop_its_close() {
    let (world, id, bytes) = waiting_upload();
    let digest = digest(&bytes);
    let scene = Scene::new(world, vec![("close", closes(id, &bytes))]);
    let scene = Scene { tasks: true, ..scene }.keeping(move |_, registry| {
        let client = Client::new(registry, "a");
        let status = block_on(registry.upload_status(&client.caller, &client.name, &id));
        let closed = block_on(Fact::Blob(client.name.clone(), digest).holds(registry));
        match (status, closed) {
            // It hung up before its request was understood, or later.
            (Ok(_), Ok(false)) | (Err(RegistryError::UploadUnknown), Ok(true)) => Ok(()),
            half => Err(format!("{half:?}")),
        }
    });
    let orders = scene.explore(0, 1).unwrap_or_else(|lost| panic!("{lost}"));
    assert!(orders > 3, "it hangs up in {orders} places");
}

#[test]
fn a_blob_mounted_while_it_is_deleted_at_its_source_is_there_or_not_mounted() {
    let (world, sample) = pushed_blob();
    let cast = vec![
        ("mount", mounts(&sample.blobs[0])),
        ("delete", deletes_blob(&sample.blobs[0])),
        ("push", pushes_blob(&sample.blobs[0], "b")),
    ];
    let scene = Scene::new(world, cast);
    scene.holds(2, 0);
    scene.holds(1, 1);
}

#[test]
fn a_blob_mounted_while_it_is_collected_never_stands_for_deleted_bytes() {
    let (world, sample) = pushed_blob();
    let cast = vec![("mount", mounts(&sample.blobs[0])), ("collect", collects_blobs())];
    Scene::new(world, cast).keeping(|_, _| Ok(())).holds(4, 0);
}

#[test]
fn a_tag_set_while_its_manifest_is_deleted_stands_for_it_or_both_are_gone() {
    let sample = Sample::image(1, 0);
    let scene = |omission| {
        let world = after_without(omission, async |client| {
            client.push(&sample, &["v0"], &mut Vec::new()).await.expect("nothing disturbs it");
        });
        let push = ("push", pushes_manifest(&sample, &["v1"]));
        let scene = Scene::new(world, vec![push, ("delete", deletes_manifest(&sample))]);
        Scene { omission, ..scene.keeping(all_or_nothing) }
    };
    scene(None).holds(5, 0);
    scene(Some(Omission::LastLook)).loses(2, "was acknowledged");
    scene(Some(Omission::Incarnation)).loses(3, "half of");
}

#[test]
fn tags_set_by_two_while_two_delete_their_manifest_are_there_when_acknowledged_last() {
    let sample = Sample::image(1, 0);
    let world = after(async |client| {
        client.push(&sample, &["v0"], &mut Vec::new()).await.expect("nothing disturbs it");
    });
    let cast = vec![
        ("push", pushes_manifest(&sample, &["v1"])),
        ("push too", pushes_manifest(&sample, &["v2"])),
        ("delete", deletes_manifest(&sample)),
        ("delete too", deletes_manifest(&sample)),
    ];
    Scene::new(world, cast).keeping(the_latest_holds).holds(2, 0);
}
