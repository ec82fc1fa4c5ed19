//! An immutable tag that several set at once: whether it is new is decided when it is set, not when
//! that was asked.

use futures::executor::block_on;
use registry_core::{
    error::RegistryError,
    policy::{AllowAll, Immutable, ImmutableTags},
    testing::Sample,
};

use super::{
    after, after_without,
    roles::{deletes_manifest, part},
    scene::{Part, Scene, everything_holds},
};
use crate::{
    client::{Client, Fact},
    omissions::Omission,
};

fn tags(sample: &Sample) -> Part {
    let sample = sample.clone();
    part(move |process| {
        let sample = sample.clone();
        async move {
            match Client::new(&process.registry, "a").push_manifest(&sample, &["v1"]).await {
                Ok(facts) => process.ledger.add(facts),
                Err(RegistryError::Denied) => {}
                Err(error) => process.ledger.complain(format!("{error:?}")),
            }
        }
    })
}

fn everything_is_immutable() -> ImmutableTags<AllowAll> {
    let every = ["**".parse().expect("a pattern")];
    let immutable = Immutable::new(every, ["*".parse().expect("a pattern")]);
    ImmutableTags::new(immutable, AllowAll)
}

#[test]
fn of_all_who_set_an_immutable_tag_at_once_one_does_and_the_others_are_denied() {
    let samples = [1, 2, 3].map(|seed| Sample::image(seed, 0));
    let world = after(async |client| {
        for blob in samples.iter().flat_map(|sample| &sample.blobs) {
            client.push_blob(blob).await.expect("nothing disturbs it");
        }
    });
    let cast = || ["one", "two", "three"].into_iter().zip(samples.iter().map(tags)).collect();
    let scene = Scene::new(world.fork(), cast()).under(everything_is_immutable());
    let one_wins = |facts: &[Fact], registry: &_| match facts
        .iter()
        .filter(|fact| matches!(fact, Fact::Tag(..)))
        .count()
    {
        1 => everything_holds(facts, registry),
        winners => Err(format!("{winners} set it: {facts:?}")),
    };
    scene.keeping(one_wins).holds(2, 0);
    // Where tags move, the last one's counts, and all are acknowledged.
    let moving = Scene::new(world, cast()).keeping(one_wins);
    moving.loses(0, "3 set it");
}

#[test]
fn an_immutable_tag_that_is_set_while_its_manifest_is_deleted_stays_once_it_is_acknowledged() {
    let sample = Sample::image(1, 0);
    let kept = |facts: &[Fact], registry: &_| {
        let pushed = facts.iter().filter(|fact| !matches!(fact, Fact::NoManifest(..)));
        everything_holds(&pushed.cloned().collect::<Vec<_>>(), registry)
    };
    let scene = |omission, cast| {
        let world = after_without(omission, async |client| {
            client.push(&sample, &[], &mut Vec::new()).await.expect("nothing disturbs it");
        });
        let scene = Scene::new(world, cast).under(everything_is_immutable()).keeping(kept);
        Scene { omission, ..scene }
    };
    let cast = || vec![("tag", tags(&sample)), ("delete", deletes_manifest(&sample))];
    scene(None, cast()).holds(4, 0);
    scene(None, cast()).holds(2, 1);
    scene(Some(Omission::LastLook), cast()).loses(2, "was acknowledged");
    let mut two = cast();
    two.push(("delete too", deletes_manifest(&sample)));
    scene(None, two).holds(2, 0);
}

#[test]
fn thirty_two_writers_have_one_winner() {
    let world = after(async |client| {
        for seed in 0..32 {
            let sample = Sample::image(seed, 0);
            client.push_blob(&sample.blobs[0]).await.expect("nothing disturbs it");
        }
    });
    let registry = world.builder_under(
        world.contents.clone(),
        world.records.clone(),
        everything_is_immutable(),
    );
    let registry = registry.build();
    let pushes = (0..32).map(|seed| {
        let registry = registry.clone();
        std::thread::spawn(move || {
            let client = Client::new(&registry, "a");
            block_on(client.push_manifest(&Sample::image(seed, 0), &["v1"]))
        })
    });
    let pushes: Vec<_> = pushes.collect();
    let outcomes = pushes.into_iter().map(|push| push.join().expect("it does not panic"));
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|error| matches!(error, Err(RegistryError::Denied))), "{lost:?}");
    let facts = won.into_iter().flatten().flatten().collect::<Vec<_>>();
    everything_holds(&facts, &registry).expect("the winner's tag stands");
}
