//! Whoever is told that a blob is there may take half the time that a collector spares it for to
//! push the manifest that needs it: however old the blob was, and whatever collects meanwhile.

use std::time::Duration;

use registry_core::{
    error::RegistryError,
    ports::{BlobOptions, Source},
    record::{LinkRecord, LinkState, Nonce, Typed},
    testing::Sample,
};

use super::{
    pushed_blob,
    roles::part,
    scene::{Part, Process, Scene},
};
use crate::{
    client::{Client, Fact, digest},
    omissions::Omission,
    world::World,
};

/// How long a collector spares what somebody relied on, as registries are built.
const SPARED: Duration = Duration::from_secs(24 * 60 * 60);
const HALF: Duration = Duration::from_secs(12 * 60 * 60);
/// What passes between two passes of a collector.
const HOUR: Duration = Duration::from_secs(60 * 60);
/// The resolution of the times in records.
const INSTANT: Duration = Duration::from_millis(1);

/// How long a client takes: with the hour, all but half the time.
const PATIENCE: Duration = HALF.saturating_sub(HOUR).saturating_sub(INSTANT);

/// How a client learns that a blob is there.
#[derive(Clone, Copy, Debug)]
enum Told {
    Look,
    Mount,
    Push,
}

impl Told {
    const ALL: [Self; 3] = [Self::Look, Self::Mount, Self::Push];

    /// Where the client pushes. The blob was pushed to "a".
    const fn repository(self) -> &'static str {
        match self {
            Self::Look | Self::Push => "a",
            Self::Mount => "b",
        }
    }

    async fn there(self, client: &Client<'_>, sample: &Sample) -> Result<bool, RegistryError> {
        let blob = &sample.blobs[0];
        let digest = digest(blob);
        match self {
            Self::Look => {
                let mut options = BlobOptions::default();
                options.head = true;
                let (caller, name) = (&client.caller, &client.name);
                let found = client.registry.blob(caller, name, &digest, &options).await?;
                Ok(found.found().is_some())
            }
            Self::Mount => Ok(client.mount(&digest, Some("a")).await?.is_some()),
            Self::Push => client.push_blob(blob).await.map(|_| true),
        }
    }
}

/// Ages at which a blob is not renewed yet, is renewed, is condemned by the second pass of the
/// collector, and by the first.
const AGES: [Duration; 4] = [
    HALF.saturating_sub(INSTANT),
    HALF.saturating_add(INSTANT),
    SPARED.saturating_sub(HOUR),
    SPARED,
];

/// Passes of a collector while a client is told of the blob, waits, and pushes the manifest.
fn scene((world, sample): (World, Sample), told: Told, collector: Part) -> Scene {
    let cast = vec![("client", relies(told, &sample, PATIENCE)), ("collector", collector)];
    Scene::new(world, cast).collecting_after(SPARED)
}

#[test]
fn whoever_is_told_that_a_blob_is_there_has_half_its_time_to_push_the_manifest() {
    for (told, preemptions) in [(Told::Look, 3), (Told::Mount, 3), (Told::Push, 2)] {
        for age in AGES {
            scene(blob_of(age), told, collects_blobs_twice()).holds(preemptions, 0);
        }
        scene(blob_of(SPARED), told, collects_blobs_twice()).holds(1, 1);
    }
}

#[test]
fn of_two_that_are_told_of_an_old_blob_at_once_each_has_its_time() {
    let (world, sample) = blob_of(SPARED);
    let cast = vec![
        ("look", relies(Told::Look, &sample, PATIENCE / 2)),
        ("mount", relies(Told::Mount, &sample, PATIENCE / 2)),
        ("collector", collects_blobs_twice()),
    ];
    let scene = Scene::new(world, cast).collecting_after(SPARED);
    scene.holds(2, 0);
    scene.without(Omission::RenewalConflict).loses(2, "was promised");
}

#[test]
fn a_promise_of_an_old_blob_would_be_broken_were_its_time_not_renewed() {
    for told in Told::ALL {
        for age in &AGES[1..] {
            let scene = scene(blob_of(*age), told, collects_blobs_twice());
            scene.without(Omission::RenewedTime).loses(1, "was promised");
        }
    }
}

#[test]
fn a_promise_of_an_old_blob_would_be_broken_were_condemning_taken_for_a_renewal() {
    for told in Told::ALL {
        for age in &AGES[2..] {
            let scene = scene(blob_of(*age), told, collects_blobs_twice());
            scene.without(Omission::RenewalConflict).loses(2, "was promised");
        }
    }
}

#[test]
fn whoever_relies_on_a_link_has_half_its_time_to_push_the_manifest() {
    for told in Told::ALL {
        for age in &AGES[2..] {
            scene(blob_of(*age), told, collects_links_twice()).holds(2, 0);
        }
        scene(blob_of(SPARED), told, collects_links_twice()).holds(1, 1);
    }
}

#[test]
fn whoever_is_told_of_a_blob_whose_link_is_condemned_has_half_its_time_to_push_the_manifest() {
    for age in AGES {
        let condemned = || {
            let (world, sample) = blob_of(age);
            condemn_link(&world);
            (world, sample)
        };
        for (told, preemptions) in [(Told::Look, 3), (Told::Push, 2)] {
            let scene = scene(condemned(), told, collects_links_twice());
            scene.holds(preemptions, 0);
            scene.holds(1, 1);
            scene.without(Omission::LinkRescue).loses(1, "was promised");
        }
    }
}

/// A blob that was last pushed this long ago.
fn blob_of(age: Duration) -> (World, Sample) {
    let (world, sample) = pushed_blob();
    world.clock.advance(age);
    (world, sample)
}

/// What a collector leaves that stops here.
fn condemn_link(world: &World) {
    let nonce = || Nonce::new(&*world.random);
    for (key, record) in world.records.all() {
        if let Ok(mut link) = LinkRecord::decode(&record) {
            link.state = LinkState::Condemned;
            world.records.adopt(key, link.encode(nonce()));
        }
    }
}

fn relies(told: Told, sample: &Sample, patience: Duration) -> Part {
    let sample = sample.clone();
    part(move |process| {
        let sample = sample.clone();
        async move {
            if let Err(error) = rely(&process, told, &sample, patience).await {
                process.ledger.complain(format!("{told:?}: it was promised, and then {error:?}"));
            }
        }
    })
}

async fn rely(
    process: &Process,
    told: Told,
    sample: &Sample,
    patience: Duration,
) -> Result<(), RegistryError> {
    let client = Client::new(&process.registry, told.repository());
    if !told.there(&client, sample).await? {
        return Ok(());
    }
    process.clock.advance(patience);
    let facts = client.push_manifest(sample, &["latest"]).await?;
    let blob = Fact::Blob(client.name.clone(), digest(&sample.blobs[0]));
    process.ledger.add(facts.into_iter().chain([blob]));
    Ok(())
}

fn collects_blobs_twice() -> Part {
    part(|process| async move {
        drop(process.collector.collect_blobs().await);
        process.clock.advance(HOUR);
        drop(process.collector.collect_blobs().await);
    })
}

fn collects_links_twice() -> Part {
    part(|process| async move {
        drop(process.collector.collect_links().await);
        process.clock.advance(HOUR);
        drop(process.collector.collect_links().await);
    })
}
