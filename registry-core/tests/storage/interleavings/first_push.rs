//! First pushes at once: of the layers of one image, as clients send them, and by several users.
//! However they meet, there is one repository with one owner in the end, and nobody is in it whom
//! the policy keeps out of what it is by then.

use bytes::Bytes;
use futures::{TryStreamExt, executor::block_on};
use registry_core::{
    error::RegistryError,
    identity::{Caller, Principal, PrincipalKind},
    page::Page,
    policy::Rules,
    registry::{Registry, RepositoryStatus},
};

use super::{
    roles::part,
    scene::{Part, Scene, everything_holds},
};
use crate::{
    client::{Client, Fact, digest},
    world::World,
};

fn user(id: &str) -> Caller {
    Caller::new(Principal::new(PrincipalKind::User, id), "")
}

/// Pushes a layer to `a`, and is let in or denied.
fn pushes_layer(who: &'static str, layer: &'static str) -> Part {
    part(move |process| async move {
        let client = Client { caller: user(who), ..Client::new(&process.registry, "a") };
        match client.push_blob(&layer.into()).await {
            Ok(fact) => process.ledger.add([fact]),
            Err(RegistryError::Denied) => {}
            Err(error) => process.ledger.complain(format!("{who} got {error:?}")),
        }
    })
}

/// Whoever creates a repository, or claims one, may go on in it.
fn rules() -> Rules {
    let json = r#"{"rule": [
        {"who": ["everybody"], "repositories": ["**"], "when": ["new", "owned"],
         "actions": ["push", "create"]},
        {"who": ["everybody"], "repositories": ["**"], "when": ["unclaimed"],
         "actions": ["push", "claim"]}
    ]}"#;
    serde_json::from_str(json).expect("rules")
}

/// A world in which somebody without credentials made `a`, which is nobody's.
fn unclaimed() -> World {
    super::after(async |client| {
        client.push_blob(&"nobody's".into()).await.expect("nothing disturbs it");
    })
}

/// The only repository there is.
fn only(registry: &Registry) -> Result<RepositoryStatus, String> {
    let listed = block_on(registry.all_repositories(&user("operator"), &Page::default()));
    let all = listed.map(|listed| block_on(listed.entries.try_collect::<Vec<_>>()));
    match all {
        Ok(Ok(all)) => match <[_; 1]>::try_from(all) {
            Ok([only]) => Ok(only),
            Err(all) => Err(format!("{all:?}")),
        },
        other => Err(format!("{other:?}")),
    }
}

const LAYERS: [&str; 3] = ["one", "two", "three"];

/// Alice pushes so many layers at once.
fn layers(number: usize) -> Vec<(&'static str, Part)> {
    LAYERS[..number].iter().map(|layer| (*layer, pushes_layer("alice", layer))).collect()
}

#[test]
fn parallel_layers_of_a_first_push_end_in_one_repository_of_whoever_pushes() {
    for (number, preemptions) in [(2, 2), (3, 1)] {
        for world in [World::default(), unclaimed()] {
            let scene = Scene::new(world, layers(number)).under(rules());
            let scene = scene.keeping(move |facts, registry| {
                let repository = only(registry)?;
                if repository.record.owner != "user:alice" || facts.len() != number {
                    return Err(format!("{repository:?} after {facts:?}"));
                }
                everything_holds(facts, registry)
            });
            scene.holds(preemptions, 0);
        }
    }
}

#[test]
fn of_two_who_push_first_one_owns_the_repository_and_the_other_is_denied() {
    for world in [World::default(), unclaimed()] {
        let cast = vec![
            ("alice", pushes_layer("alice", "user:alice")),
            ("bob", pushes_layer("bob", "user:bob")),
        ];
        let scene = Scene::new(world, cast).under(rules()).keeping(|facts, registry| {
            let repository = only(registry)?;
            let own = Bytes::from(repository.record.owner.clone());
            match facts {
                [Fact::Blob(_, pushed)] if *pushed == digest(&own) => {
                    everything_holds(facts, registry)
                }
                facts => Err(format!("{repository:?} after {facts:?}")),
            }
        });
        scene.holds(3, 0);
    }
}

#[test]
fn a_first_push_that_breaks_off_leaves_the_others_one_repository() {
    let scene = Scene::new(World::default(), layers(2)).under(rules());
    let scene = scene.keeping(|facts, registry| {
        let repository = only(registry)?;
        match &*repository.record.owner {
            "user:alice" => everything_holds(facts, registry),
            _ => Err(format!("{repository:?}")),
        }
    });
    scene.holds(1, 1);
}
