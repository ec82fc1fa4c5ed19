//! Every call of a store in a push, a mount, a deletion fails once in every way. Afterwards
//! everything that was acknowledged is there, and trying again succeeds.

use bytes::Bytes;
use futures::executor::block_on;
use registry_core::{
    digest::Algorithm,
    error::RegistryError,
    registry::Registry,
    testing::{Fault, Faults, Sample},
};

use crate::{
    client::{Client, Fact, digest},
    world::World,
};

type Outcome = Result<(), RegistryError>;

/// Runs a script with each of its calls failing in each way.
///
/// `before` runs undisturbed; what it puts into the ledger must survive the script. The script
/// adds what is acknowledged, and must be one that a client can repeat.
fn fail_everywhere(
    before: impl AsyncFn(&Registry, &mut Vec<Fact>) -> Outcome,
    script: impl AsyncFn(&Registry, &mut Vec<Fact>) -> Outcome,
) {
    let calls = run(&before, &script, 0, None);
    for call in 0..calls {
        for fault in Fault::ALL {
            run(&before, &script, call, Some(fault));
        }
    }
}

/// One run; gives the number of calls.
fn run(
    before: impl AsyncFn(&Registry, &mut Vec<Fact>) -> Outcome,
    script: impl AsyncFn(&Registry, &mut Vec<Fact>) -> Outcome,
    call: usize,
    fault: Option<Fault>,
) -> usize {
    let (world, mut ledger) = (World::default(), Vec::new());
    block_on(before(&world.registry(), &mut ledger)).expect("nothing disturbs what comes before");

    let faults = fault.map_or_else(Faults::none, |fault| Faults::at(call, fault));
    let mut registry = world.registry_behind(&faults);
    let outcome = block_on(script(&registry, &mut ledger));
    let calls = faults.calls();
    let place = || format!("{fault:?} at call {call}, {:?}", calls.get(call));
    assert!(calls.len() > call, "the script makes the call that is to fail");
    if fault.is_none() {
        outcome.as_ref().expect("nothing disturbs the script");
    }
    check(&world, &ledger, &place());

    if faults.crashed() {
        registry = world.registry();
    }
    let again = block_on(script(&registry, &mut ledger));
    again.unwrap_or_else(|error| panic!("trying again after {}: {error:?}", place()));
    check(&world, &ledger, &place());
    calls.len()
}

/// What was acknowledged holds, for a process that starts now.
fn check(world: &World, ledger: &[Fact], place: &str) {
    world.check_invariants().unwrap_or_else(|broken| panic!("{broken} after {place}"));
    let registry = world.registry();
    for fact in ledger {
        let holds = block_on(fact.holds(&registry));
        assert!(holds.as_ref().is_ok_and(|holds| *holds), "{fact:?} is {holds:?} after {place}");
    }
}

async fn nothing(_: &Registry, _: &mut Vec<Fact>) -> Outcome {
    Ok(())
}

#[test]
fn pushing_an_image_fails_anywhere() {
    let image = Sample::image(1, 2);
    fail_everywhere(nothing, async |registry, ledger| {
        Client::new(registry, "a").push(&image, &["latest", "v1"], ledger).await
    });
}

#[test]
fn pushing_an_image_that_is_there_already_fails_anywhere() {
    let image = Sample::image(1, 1);
    fail_everywhere(
        async |registry, ledger| {
            Client::new(registry, "a").push(&image, &["latest"], ledger).await?;
            Client::new(registry, "b").push(&image, &[], ledger).await
        },
        async |registry, ledger| {
            Client::new(registry, "a").push(&image, &["latest", "new"], ledger).await
        },
    );
}

#[test]
fn moving_a_tag_fails_anywhere() {
    let (old, new) = (Sample::image(1, 1), Sample::image(2, 1));
    fail_everywhere(
        async |registry, ledger| {
            let client = Client::new(registry, "a");
            client.push(&old, &["moved"], &mut Vec::new()).await?;
            ledger.extend(client.push_manifest(&old, &["stays"]).await?);
            Ok(())
        },
        async |registry, ledger| Client::new(registry, "a").push(&new, &["moved"], ledger).await,
    );
}

#[test]
fn pushing_an_index_and_an_artifact_fails_anywhere() {
    let index = Sample::index(vec![Sample::image(1, 1), Sample::image(2, 1)]);
    let artifact = Sample::artifact(3, "application/vnd.example", &index);
    fail_everywhere(nothing, async |registry, ledger| {
        let client = Client::new(registry, "a");
        client.push(&artifact, &[], ledger).await?;
        client.push(&index, &["latest"], ledger).await
    });
}

#[test]
fn pushing_a_blob_in_chunks_fails_anywhere() {
    let bytes = Bytes::from("some bytes that come in chunks".repeat(50));
    fail_everywhere(nothing, async |registry, ledger| {
        let client = Client::new(registry, "a");
        ledger.push(client.push_in_chunks(&bytes, digest(&bytes)).await?);
        Ok(())
    });
}

#[test]
fn closing_with_a_digest_that_nobody_announced_fails_anywhere() {
    let bytes = Bytes::from("some bytes that are read again".repeat(50));
    fail_everywhere(nothing, async |registry, ledger| {
        let client = Client::new(registry, "a");
        let sha512 = Algorithm::Sha512.digest(&bytes);
        ledger.push(client.push_in_chunks(&bytes, sha512).await?);
        Ok(())
    });
}

#[test]
fn pushing_a_blob_whose_bytes_differ_fails_anywhere() {
    let (bytes, others) = (Bytes::from("said"), Bytes::from("sent"));
    fail_everywhere(nothing, async |registry, ledger| {
        let client = Client::new(registry, "a");
        match client.push_in_chunks(&others, digest(&bytes)).await {
            Err(RegistryError::DigestDiffers(_)) => {}
            Err(error) => return Err(error),
            Ok(_) => panic!("the registry took other bytes"),
        }
        ledger.push(Fact::NoBlob(client.name.clone(), digest(&bytes)));
        Ok(())
    });
}

#[test]
fn mounting_fails_anywhere() {
    let bytes = Bytes::from("shared");
    for from in [Some("a"), None] {
        fail_everywhere(
            async |registry, ledger| {
                ledger.push(Client::new(registry, "a").push_blob(&bytes).await?);
                Ok(())
            },
            async |registry, ledger| {
                let mounted = Client::new(registry, "b").mount(&digest(&bytes), from).await?;
                ledger.push(mounted.expect("it is there, and everybody may pull it"));
                Ok(())
            },
        );
    }
}

#[test]
fn mounting_what_is_nowhere_fails_anywhere() {
    let bytes = Bytes::from("nowhere");
    fail_everywhere(nothing, async |registry, _| {
        let mounted = Client::new(registry, "b").mount(&digest(&bytes), Some("a")).await?;
        assert_eq!(mounted, None);
        Ok(())
    });
}

#[test]
fn deleting_a_manifest_fails_anywhere() {
    let (gone, stays) = (Sample::image(1, 1), Sample::image(2, 1));
    let artifact = Sample::artifact(3, "application/vnd.example", &gone);
    fail_everywhere(
        async |registry, ledger| {
            let client = Client::new(registry, "a");
            client.push(&gone, &["latest", "v1"], &mut Vec::new()).await?;
            client.push(&stays, &["v2"], ledger).await?;
            client.push(&artifact, &["sbom"], ledger).await
        },
        async |registry, ledger| {
            let client = Client::new(registry, "a");
            ledger.push(client.delete_manifest(gone.digest()).await?);
            ledger.extend(
                ["latest", "v1"]
                    .map(|t| Fact::NoTag(client.name.clone(), t.parse().expect("it is a tag"))),
            );
            Ok(())
        },
    );
}

#[test]
fn deleting_a_referrer_fails_anywhere() {
    let subject = Sample::image(1, 1);
    let artifact = Sample::artifact(2, "application/vnd.example", &subject);
    fail_everywhere(
        async |registry, ledger| {
            let client = Client::new(registry, "a");
            client.push(&subject, &["latest"], ledger).await?;
            client.push(&artifact, &["sbom"], &mut Vec::new()).await
        },
        async |registry, ledger| {
            let client = Client::new(registry, "a");
            ledger.push(client.delete_manifest(artifact.digest()).await?);
            let listed =
                crate::client::referrers(registry, &client.name, &subject.digest()).await?;
            assert!(listed.is_empty(), "a deleted manifest is listed no more");
            Ok(())
        },
    );
}

#[test]
fn deleting_a_tag_fails_anywhere() {
    let image = Sample::image(1, 1);
    fail_everywhere(
        async |registry, ledger| {
            let client = Client::new(registry, "a");
            client.push(&image, &["stays"], ledger).await?;
            client.push_manifest(&image, &["goes"]).await.map(drop)
        },
        async |registry, ledger| {
            ledger.push(Client::new(registry, "a").delete_tag("goes").await?);
            Ok(())
        },
    );
}

#[test]
fn taking_a_blob_out_of_a_repository_fails_anywhere() {
    let bytes = Bytes::from("shared");
    fail_everywhere(
        async |registry, ledger| {
            Client::new(registry, "a").push_blob(&bytes).await?;
            ledger.push(Client::new(registry, "b").push_blob(&bytes).await?);
            Ok(())
        },
        async |registry, ledger| {
            ledger.push(Client::new(registry, "a").delete_blob(digest(&bytes)).await?);
            Ok(())
        },
    );
}

#[test]
fn an_upload_goes_on_where_it_was_acknowledged_whatever_failed() {
    let chunks = ["first;", "second;", "third;"].map(Bytes::from);
    let all = Bytes::from(chunks.concat());
    let calls = upload(&chunks, &all, 0, None);
    for call in 0..calls {
        for fault in Fault::ALL {
            upload(&chunks, &all, call, Some(fault));
        }
    }
}

fn upload(chunks: &[Bytes], all: &Bytes, call: usize, fault: Option<Fault>) -> usize {
    let world = World::default();
    let id = block_on(Client::new(&world.registry(), "a").open()).expect("nothing disturbs it");
    let faults = fault.map_or_else(Faults::none, |fault| Faults::at(call, fault));
    let registry = world.registry_behind(&faults);
    let client = Client::new(&registry, "a");
    let (mut acknowledged, mut sent) = (0, 0);
    for chunk in chunks {
        sent += chunk.len() as u64;
        match block_on(client.append(&id, chunk.clone())) {
            Ok(offset) => acknowledged = offset,
            Err(_) => break,
        }
    }
    let calls = faults.calls();
    let place = format!("{fault:?} at call {call}, {:?}", calls.get(call));

    let registry = world.registry();
    let client = Client::new(&registry, "a");
    let status = block_on(registry.upload_status(&client.caller, &client.name, &id));
    let offset = status.unwrap_or_else(|error| panic!("{error:?} after {place}")).offset;
    assert!(offset >= acknowledged && offset <= sent, "at {offset} of {sent} after {place}");
    let rest = all.slice(offset as usize..);
    let closed = block_on(client.close(&id, rest, digest(all)));
    check(&world, &[closed.unwrap_or_else(|error| panic!("{error:?} after {place}"))], &place);
    calls.len()
}
