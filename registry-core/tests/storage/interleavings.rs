//! Pushes, deletions, mounts and collectors against each other, in every order up to a bound; and
//! the same with one step of the protocol left out, which must lose something in some order.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::{executor::block_on, future::BoxFuture};
use registry_core::{
    error::RegistryError,
    ports::{BlobOptions, ContentId, Random, Source},
    registry::Registry,
    testing::{Call, Fault, Faults, Sample, Tapped},
};

use crate::{
    client::{Client, Fact, digest},
    collector::{Collector, LeftOut},
    omissions::{Omission, Without},
    plain::{Flaw, PlainRecords},
    turns::{Bounds, Choices, Turns, explore},
    world::World,
};

/// A process: a registry, or a collector, over the shared stores.
struct Process {
    registry: Registry,
    collector: Collector<Tapped<Without, Turns>, Tapped<Without, Turns>>,
    ledger: Ledger,
}

/// What was acknowledged, in the order in which it was.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Vec<Fact>>>);

impl Ledger {
    fn add(&self, facts: impl IntoIterator<Item = Fact>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(facts);
    }

    fn facts(&self) -> Vec<Fact> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

type Part = Box<dyn Fn(Process) -> BoxFuture<'static, ()>>;

/// Who plays, and on what.
struct Scene {
    world: World,
    cast: Vec<(&'static str, Part)>,
    omission: Option<Omission>,
    left_out: Option<LeftOut>,
    /// Whether requests go on as tasks when their clients hang up.
    tasks: bool,
    /// What must be there at the end, of what was acknowledged.
    keeps: Keeps,
}

type Keeps = Box<dyn Fn(&[Fact], &Registry) -> Result<(), String>>;

impl Scene {
    fn new(world: World, cast: Vec<(&'static str, Part)>) -> Self {
        Self {
            world,
            cast,
            omission: None,
            left_out: None,
            tasks: false,
            keeps: Box::new(everything_holds),
        }
    }

    fn without(self, omission: Omission) -> Self {
        Self { omission: Some(omission), ..self }
    }

    fn collecting_without(self, left_out: LeftOut) -> Self {
        Self { left_out: Some(left_out), ..self }
    }

    fn keeping(self, keeps: impl Fn(&[Fact], &Registry) -> Result<(), String> + 'static) -> Self {
        Self { keeps: Box::new(keeps), ..self }
    }

    /// Every order within the bounds.
    fn explore(&self, preemptions: usize, kills: usize) -> Result<usize, String> {
        explore(Bounds { preemptions, kills }, |choices| self.play(choices))
    }

    /// Asserts that nothing is lost.
    #[track_caller]
    fn holds(&self, preemptions: usize, kills: usize) {
        match self.explore(preemptions, kills) {
            Ok(orders) => assert!(orders > 20, "only {orders} orders"),
            Err(lost) => panic!("{lost}"),
        }
    }

    /// Asserts that something is lost in some order.
    #[track_caller]
    fn loses(&self, preemptions: usize, what: &str) {
        let lost = self.explore(preemptions, 0).expect_err("no order loses anything");
        assert!(lost.contains(what), "{lost}");
    }

    fn play(&self, choices: &mut Choices) -> Result<(), String> {
        let (world, turns, ledger) =
            (self.world.fork(), Arc::<Turns>::default(), Ledger::default());
        let actors = self.cast.iter().map(|(name, part)| {
            let stores = Without::new(world.contents.clone(), world.records.clone(), self.omission);
            let tapped = || Tapped::new(stores.clone(), &turns);
            let mut builder = world.builder(tapped(), tapped());
            if self.tasks {
                builder = builder.tasks(Arc::clone(&turns));
            }
            let process = Process {
                registry: builder.build(),
                collector: Collector {
                    contents: tapped(),
                    records: tapped(),
                    random: Arc::clone(&world.random) as Arc<dyn Random>,
                    left_out: self.left_out,
                },
                ledger: ledger.clone(),
            };
            (*name, part(process))
        });
        turns.play(actors.collect(), choices, |call| match call {
            Call::Put(_) | Call::DeleteContent(_) => world.check_invariants(),
            _ => Ok(()),
        })?;
        (self.keeps)(&ledger.facts(), &world.registry())
    }
}

/// Everything that was acknowledged, and nobody took back.
fn everything_holds(facts: &[Fact], registry: &Registry) -> Result<(), String> {
    facts.iter().try_for_each(|fact| match block_on(fact.holds(registry)) {
        Ok(true) => Ok(()),
        other => Err(format!("{fact:?} was acknowledged and is {other:?}")),
    })
}

/// What was acknowledged after the last deletion was: nobody can have taken it back.
fn the_latest_holds(facts: &[Fact], registry: &Registry) -> Result<(), String> {
    let deleted = facts.iter().rposition(|fact| matches!(fact, Fact::NoManifest(..)));
    everything_holds(deleted.map_or(&[], |deleted| &facts[deleted + 1..]), registry)
}

/// One writer, one deleter of the same manifest: it has its tag, or neither is there.
fn all_or_nothing(facts: &[Fact], registry: &Registry) -> Result<(), String> {
    the_latest_holds(facts, registry)?;
    let there = |fact: &&Fact| block_on(fact.holds(registry)).expect("nothing fails");
    let pushed: Vec<&Fact> =
        facts.iter().filter(|fact| matches!(fact, Fact::Manifest(..) | Fact::Tag(..))).collect();
    let kept = pushed.iter().copied().filter(there).count();
    if kept == 0 || kept == pushed.len() { Ok(()) } else { Err(format!("half of {pushed:?}")) }
}

fn part<F>(act: impl Fn(Process) -> F + 'static) -> Part
where
    F: Future<Output = ()> + Send + 'static,
{
    Box::new(move |process| Box::pin(act(process)))
}

/// Pushes a manifest whose blobs were there; whoever is told that they are not pushes nothing.
fn pushes_manifest(sample: &Sample, tags: &'static [&'static str]) -> Part {
    let sample = sample.clone();
    part(move |process| {
        let sample = sample.clone();
        async move {
            let client = Client::new(&process.registry, "a");
            if let Ok(facts) = client.push_manifest(&sample, tags).await {
                let name = client.name.clone();
                let blobs = sample.blobs.iter().map(|b| Fact::Blob(name.clone(), digest(b)));
                process.ledger.add(facts.into_iter().chain(blobs));
            }
        }
    })
}

/// Pushes everything, and starts over when a blob was collected meanwhile.
fn pushes(sample: &Sample, tags: &'static [&'static str]) -> Part {
    let sample = sample.clone();
    part(move |process| {
        let sample = sample.clone();
        async move {
            let client = Client::new(&process.registry, "a");
            for _ in 0..3 {
                let mut facts = Vec::new();
                if client.push(&sample, tags, &mut facts).await.is_ok() {
                    return process.ledger.add(facts);
                }
            }
        }
    })
}

fn pushes_blob(bytes: &Bytes, repository: &'static str) -> Part {
    let bytes = bytes.clone();
    part(move |process| {
        let bytes = bytes.clone();
        async move {
            let client = Client::new(&process.registry, repository);
            process.ledger.add(client.push_blob(&bytes).await.ok());
        }
    })
}

/// Closes an upload that has all its bytes.
fn closes(id: ContentId, bytes: &Bytes) -> Part {
    let digest = digest(bytes);
    part(move |process| async move {
        let client = Client::new(&process.registry, "a");
        process.ledger.add(client.close(&id, Bytes::new(), digest).await.ok());
    })
}

fn cancels(id: ContentId) -> Part {
    part(move |process| async move {
        let client = Client::new(&process.registry, "a");
        // That the upload is not there any more is as good.
        let _ = process.registry.cancel_upload(&client.caller, &client.name, &id).await;
    })
}

fn mounts(bytes: &Bytes) -> Part {
    let digest = digest(bytes);
    part(move |process| async move {
        let mounted = Client::new(&process.registry, "b").mount(&digest, Some("a")).await;
        process.ledger.add(mounted.ok().flatten());
    })
}

fn deletes_manifest(sample: &Sample) -> Part {
    let digest = sample.digest();
    part(move |process| async move {
        let deleted = Client::new(&process.registry, "a").delete_manifest(digest).await;
        process.ledger.add(deleted.ok());
    })
}

fn deletes_blob(bytes: &Bytes) -> Part {
    let digest = digest(bytes);
    part(move |process| async move {
        // It counts for repository "a" only, of which nobody is promised anything here.
        let _ = Client::new(&process.registry, "a").delete_blob(digest).await;
    })
}

/// Looks whether a blob is there, and pushes the manifest without the blob when it is.
fn relies_on_head(sample: &Sample) -> Part {
    let pushes = pushes_manifest(sample, &["latest"]);
    let digest = digest(&sample.blobs[0]);
    Box::new(move |process| {
        let registry = process.registry.clone();
        let push = pushes(process);
        Box::pin(async move {
            let client = Client::new(&registry, "a");
            let mut options = BlobOptions::default();
            options.head = true;
            let head = registry.blob(&client.caller, &client.name, &digest, &options).await;
            if head.is_ok_and(|found| found.found().is_some()) {
                push.await;
            }
        })
    })
}

/// A collector that fails does nothing more, and loses nothing.
fn collects_blobs() -> Part {
    part(|process| async move { drop(process.collector.collect_blobs().await) })
}

fn collects_links() -> Part {
    part(|process| async move { drop(process.collector.collect_links().await) })
}

fn sweeps() -> Part {
    part(|process| async move {
        drop(process.collector.sweep_orphans().await);
        drop(process.collector.reap().await);
    })
}

fn collects_everything() -> Part {
    part(|process| async move {
        drop(process.collector.collect_links().await);
        drop(process.collector.collect_blobs().await);
        drop(process.collector.sweep_orphans().await);
        drop(process.collector.reap().await);
    })
}

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
