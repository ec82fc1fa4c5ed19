//! Quotas of stored bytes: one server, several, and what a crash leaves.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::TryStreamExt;
use proptest::{collection::vec, prelude::*};
use registry_adapters::limits::Limits;
use registry_core::{
    ports::{KeyRange, Limit, RateLimiter, RecordStore, Taken},
    record::RecordKey,
    testing::{Fault, Faults, Faulty, Seeded},
};

use crate::support::{World, granted, namespace, take};

const MIB: u64 = 1 << 20;

/// How far a record of a small quota is above what is counted, at most.
const STEP: u64 = MIB;

async fn server(world: &World, name: &str, quota: u64) -> Limits {
    world.builder().server(name).quota(quota).open().await.expect("the records are readable")
}

fn stored(name: &str) -> registry_core::ports::LimitKey {
    namespace(Limit::StoredBytes, name)
}

/// What the records say.
async fn recorded(world: &World) -> BTreeMap<RecordKey, i64> {
    #[derive(serde::Deserialize)]
    struct Fields {
        bytes: i64,
    }
    let all = world.records.list(KeyRange::all("x-limits/stored/".to_owned()));
    let all: Vec<_> = all.try_collect().await.expect("they are readable");
    let bytes = |entry: registry_core::ports::RecordEntry| {
        let (_, record) = entry.record.expect("it is at hand");
        let fields: Fields = record.fields("x-limits-stored").expect("it is one");
        (entry.key, fields.bytes)
    };
    all.into_iter().map(bytes).collect()
}

#[tokio::test]
async fn a_namespace_has_its_quota_and_no_more() {
    let world = World::default();
    let limits = world.builder().quota(100).quota_of("large", 1000).open().await.unwrap();
    assert_eq!(take(&limits, &stored("a"), 60).await, Taken::Granted(60));
    assert_eq!(take(&limits, &stored("a"), 60).await, Taken::Granted(40), "what is left");
    assert_eq!(take(&limits, &stored("a"), 1).await, Taken::Wait(Duration::MAX));
    assert_eq!(take(&limits, &stored("b"), 100).await, Taken::Granted(100));
    assert_eq!(take(&limits, &stored("large"), 5000).await, Taken::Granted(1000));
    limits.give_back(&stored("a"), 30).await.unwrap();
    assert_eq!(take(&limits, &stored("a"), 60).await, Taken::Granted(30));
    limits.give_back(&stored("a"), 1_000_000).await.unwrap();
    assert_eq!(take(&limits, &stored("a"), 101).await, Taken::Granted(100), "no more than all");
}

#[tokio::test]
async fn without_a_quota_nothing_is_counted() {
    let world = World::default();
    let limits = world.builder().quota_of("a", 100).open().await.unwrap();
    assert_eq!(granted(&limits, &stored("b"), 1 << 40).await, 1 << 40);
    limits.give_back(&stored("b"), 1 << 40).await.unwrap();
    limits.save().await.unwrap();
    assert!(recorded(&world).await.is_empty());
}

#[tokio::test]
async fn a_record_is_written_in_steps_and_never_says_less_than_was_taken() {
    let world = World::default();
    let faults = Faults::none();
    let records = Faulty::new(world.records.clone(), &faults);
    let limits = Limits::builder(records, world.clock.clone(), Seeded::default());
    let limits = limits.quota(1 << 40).open().await.unwrap();
    let mut taken = 0;
    for _ in 0..10_000 {
        taken += granted(&limits, &stored("a"), 100_000).await;
        let recorded = recorded(&world).await.into_values().sum::<i64>() as u64;
        assert!((taken..=taken + (64 << 20)).contains(&recorded), "{recorded} for {taken}");
    }
    assert_eq!(taken, 1_000_000_000);
    let calls = faults.calls().len();
    assert!(calls < 100, "{calls} calls for 1 GB in 10 000 requests");
}

#[tokio::test]
async fn a_restart_knows_exactly_and_a_crash_one_step_too_much() {
    let world = World::default();
    let limits = server(&world, "main", 10 * MIB).await;
    granted(&limits, &stored("a"), 1000).await;
    drop(limits);
    let crashed = server(&world, "main", 10 * MIB).await;
    let left = granted(&crashed, &stored("a"), 10 * MIB).await;
    assert!((10 * MIB - 1000 - STEP..=10 * MIB - 1000).contains(&left), "{left}");
    crashed.give_back(&stored("a"), left).await.unwrap();

    crashed.recount(&[("a".to_owned(), 1000)].into()).await.unwrap();
    crashed.save().await.unwrap();
    let limits = server(&world, "main", 10 * MIB).await;
    assert_eq!(granted(&limits, &stored("a"), 10 * MIB).await, 10 * MIB - 1000);
}

#[tokio::test]
async fn a_quota_that_comes_later_begins_with_what_is_there() {
    let world = World::default();
    granted(&world.builder().open().await.unwrap(), &stored("a"), 70).await;
    let limits = server(&world, "main", 100).await;
    limits.recount(&[("a".to_owned(), 70)].into()).await.unwrap();
    assert_eq!(granted(&limits, &stored("a"), 100).await, 30);
    // What is gone is not counted any more.
    limits.recount(&BTreeMap::new()).await.unwrap();
    assert_eq!(granted(&limits, &stored("a"), 1000).await, 100);
}

#[tokio::test]
async fn servers_share_a_quota_and_one_gives_back_what_another_took() {
    let world = World::default();
    let (a, b) = (server(&world, "a", 10 * MIB).await, server(&world, "b", 10 * MIB).await);
    assert_eq!(granted(&a, &stored("n"), 8 * MIB).await, 8 * MIB);
    let left = granted(&b, &stored("n"), 10 * MIB).await;
    assert!((MIB..=2 * MIB).contains(&left), "{left}: the other's step is taken too");
    b.give_back(&stored("n"), left + 8 * MIB).await.unwrap();
    b.save().await.unwrap();
    world.pass(6);
    assert_eq!(granted(&a, &stored("n"), 100 * MIB).await, 10 * MIB);
    a.save().await.unwrap();
    let sum: i64 = recorded(&world).await.into_values().sum();
    assert_eq!(sum as u64, 10 * MIB);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_never_get_more_than_the_quota() {
    let world = World::default();
    let limits = Arc::new(server(&world, "main", 10 * MIB).await);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let limits = Arc::clone(&limits);
            tokio::spawn(async move {
                let mut taken = 0;
                for turn in 0..500 {
                    taken += granted(&limits, &stored("a"), 7_000).await;
                    if turn % 5 == 0 && taken >= 1_000 {
                        limits.give_back(&stored("a"), 1_000).await.unwrap();
                        taken -= 1_000;
                    }
                }
                taken
            })
        })
        .collect();
    let mut taken = 0;
    for task in tasks {
        taken += task.await.expect("it ends");
    }
    assert!(taken <= 10 * MIB, "{taken}");
    limits.save().await.unwrap();
    assert_eq!(recorded(&world).await.into_values().sum::<i64>() as u64, taken);
}

#[derive(Clone, Debug)]
enum Step {
    Take(u64),
    GiveBack(u64),
    Save,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..3 * MIB).prop_map(Step::Take),
        3 => (1..3 * MIB).prop_map(Step::GiveBack),
        1 => Just(Step::Save),
        1 => Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_records_never_say_less_whatever_fails(
        steps in vec((step(), prop::option::weighted(0.3, (0..4usize, prop::sample::select(&Fault::ALL[..3])))), 1..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::default();
            let open = async |faults: &Arc<Faults>| {
                let records = Faulty::new(world.records.clone(), faults);
                let limits = Limits::builder(records, world.clock.clone(), world.random.clone());
                limits.quota(20 * MIB).open().await.unwrap()
            };
            let mut faults = Faults::none();
            let mut limits = open(&faults).await;
            let (mut kept, mut crashes) = (0, 0);
            for (step, fault) in steps {
                if let Some((call, fault)) = fault {
                    // A server that goes on with a store that fails at one of the next calls.
                    limits.save().await.ok();
                    faults = Faults::at(call + 1, fault);
                    limits = open(&faults).await;
                    crashes += 1;
                }
                match step {
                    Step::Take(bytes) => {
                        if let Ok(Taken::Granted(n)) = limits.take(&stored("a"), bytes).await {
                            kept += n;
                        }
                    }
                    Step::GiveBack(bytes) => {
                        let bytes = bytes.min(kept);
                        kept -= bytes;
                        limits.give_back(&stored("a"), bytes).await.ok();
                    }
                    Step::Save => drop(limits.save().await),
                    Step::Crash => {
                        faults.restart();
                        limits = open(&faults).await;
                        crashes += 1;
                    }
                }
                let said = recorded(&world).await.into_values().sum::<i64>() as u64;
                prop_assert!(said >= kept, "{said} for {kept}");
                prop_assert!(kept <= 20 * MIB);
            }
            // Without any of that it is exact.
            if crashes == 0 {
                limits.save().await.unwrap();
                let said = recorded(&world).await.into_values().sum::<i64>() as u64;
                prop_assert_eq!(said, kept);
            }
            Ok(())
        })?;
    }
}
