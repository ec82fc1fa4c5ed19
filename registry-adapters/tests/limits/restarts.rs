//! What is left of the rates after a restart.

use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use registry_adapters::limits::{Limits, LimitsError, Rate, Rates};
use registry_core::{
    ports::{
        Expect, KeyRange, Limit, Lookup, PutOutcome, RecordStore, StoreErrorKind, SubjectKind,
        Taken,
    },
    record::{Nonce, Record, RecordKey},
    testing::{Fault, Faults, Faulty},
};

use crate::support::{Off, World, address, granted, namespace, take};

const KEY: &str = "x-limits/rates/main";

/// One request a minute, ten at once.
fn rates() -> Rates {
    let rate = Rate::new(1, Duration::from_secs(60), 10).expect("it is a rate");
    Rates::none()
        .with(Limit::Requests, SubjectKind::Address, rate)
        .with(Limit::Requests, SubjectKind::Principal, rate)
        .with(Limit::Requests, SubjectKind::Namespace, rate)
}

/// A world in which all of a burst was taken and saved.
async fn used() -> World {
    let world = World::default();
    let limits = world.rates(rates()).await;
    for key in keys() {
        assert_eq!(granted(&limits, &key, 100).await, 10);
    }
    limits.save().await.expect("it is saved");
    world
}

fn keys() -> [registry_core::ports::LimitKey; 4] {
    use registry_core::ports::{LimitKey, Subject};
    let v6 = Subject::address("2001:db8::1".parse().unwrap());
    let odd = Subject::Principal("user:a \"b\"\n\u{1F980}".into());
    [
        address(Limit::Requests, 1),
        namespace(Limit::Requests, "a"),
        LimitKey::new(Limit::Requests, v6),
        LimitKey::new(Limit::Requests, odd),
    ]
}

#[tokio::test]
async fn a_restart_gives_nobody_anything() {
    let world = used().await;
    let limits = world.rates(rates()).await;
    for key in keys() {
        let wait = take(&limits, &key, 1).await;
        assert_eq!(wait, Taken::Wait(Duration::from_secs(60)), "{key:?}");
    }
    // What came back while nothing ran counts.
    world.pass(121);
    let limits = world.rates(rates()).await;
    assert_eq!(granted(&limits, &keys()[0], 100).await, 2);
}

#[tokio::test]
async fn a_clock_that_was_set_back_gives_nothing_and_takes_nothing() {
    let world = used().await;
    let clock = Off(world.clock.clone(), -1_000_000);
    let limits = Limits::builder(world.records.clone(), clock, world.random.clone()).rates(rates());
    let limits = limits.open().await.unwrap();
    assert_eq!(take(&limits, &keys()[0], 1).await, Taken::Wait(Duration::from_secs(60)));
    world.pass(60);
    assert_eq!(granted(&limits, &keys()[0], 100).await, 1, "time passes as it does");
    limits.save().await.expect("it is saved");
}

#[tokio::test]
async fn a_clock_that_was_set_forward_lets_everybody_begin_anew() {
    let world = used().await;
    let clock = Off(world.clock.clone(), 1_000_000);
    let limits = Limits::builder(world.records.clone(), clock, world.random.clone()).rates(rates());
    let limits = limits.open().await.unwrap();
    assert_eq!(granted(&limits, &keys()[0], 100).await, 10);
}

#[tokio::test]
async fn other_rates_than_were_saved_keep_nobody_longer_than_they_can() {
    let world = used().await;
    let rate = Rate::new(1, Duration::from_secs(1), 5).expect("it is a rate");
    let limits = world.rates(Rates::none().with(Limit::Requests, SubjectKind::Address, rate)).await;
    assert_eq!(take(&limits, &keys()[0], 1).await, Taken::Wait(Duration::from_secs(1)));
    assert_eq!(granted(&limits, &keys()[1], 100).await, 100, "it has no rate any more");
}

#[tokio::test]
async fn what_is_saved_is_bounded_and_holds_those_that_have_to_wait_longest() {
    let world = World::default();
    let limits = world.rates(rates()).await;
    for number in 0..60_000 {
        granted(&limits, &address(Limit::Requests, number), 1).await;
    }
    let greedy = &keys()[1];
    granted(&limits, greedy, 10).await;
    limits.save().await.expect("it is saved");
    let Lookup::Found(_, record) = world.records.get(&KEY.parse().unwrap(), None).await.unwrap()
    else {
        panic!("nothing is saved")
    };
    assert!(record.len() < Record::MAX_BODY, "{} bytes", record.len());
    let again = world.rates(rates()).await;
    assert_eq!(again.keys(), 50_000);
    assert_eq!(granted(&again, greedy, 1).await, 0);
}

#[tokio::test]
async fn a_server_with_nothing_to_save_writes_nothing() {
    let world = World::default();
    world.rates(rates()).await.save().await.expect("there is nothing to do");
    let all: Vec<_> =
        world.records.list(KeyRange::all("x-limits/".to_owned())).try_collect().await.unwrap();
    assert!(all.is_empty(), "{all:?}");
}

#[tokio::test]
async fn a_record_that_makes_no_sense_is_as_good_as_none_and_is_written_over() {
    let world = World::default();
    let key: RecordKey = KEY.parse().unwrap();
    let nonce = Nonce::new(&*world.random);
    let odd = Record::new("odd", nonce, &std::collections::BTreeMap::<u8, u8>::new(), Bytes::new());
    let put = world.records.put(&key, odd.unwrap(), Expect::Absent).await;
    assert!(matches!(put, Ok(PutOutcome::Stored(_))));
    let limits = world.rates(rates()).await;
    assert_eq!(granted(&limits, &keys()[0], 100).await, 10);
    limits.save().await.expect("it is saved");
    assert_eq!(granted(&world.rates(rates()).await, &keys()[0], 100).await, 0);
}

#[tokio::test]
async fn what_is_damaged_is_as_good_as_none() {
    let world = used().await;
    let faults = Faults::at(0, Fault::Refused(StoreErrorKind::Corrupt));
    let records = Faulty::new(world.records.clone(), &faults);
    let limits = Limits::builder(records, world.clock.clone(), world.random.clone());
    let limits = limits.rates(rates()).open().await.expect("everybody starts anew");
    assert_eq!(granted(&limits, &keys()[0], 100).await, 10);
    limits.save().await.expect("it is saved");
}

#[tokio::test]
async fn a_store_that_fails_is_told_of_and_what_is_counted_stays() {
    let world = World::default();
    let faults = Faults::plan((1..20).map(|call| (call, Fault::Refused(StoreErrorKind::Full))));
    let records = Faulty::new(world.records.clone(), &faults);
    let limits = Limits::builder(records, world.clock.clone(), world.random.clone());
    let limits = limits.rates(rates()).open().await.expect("the first call does not fail");
    assert_eq!(granted(&limits, &keys()[0], 100).await, 10);
    let error = limits.save().await.expect_err("the store is full");
    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert_eq!(granted(&limits, &keys()[0], 100).await, 0);
}

#[tokio::test]
async fn a_server_has_a_name_that_a_record_can_have() {
    for name in ["", "a/b", "..", "a b", &"a".repeat(255)] {
        let opened = World::default().builder().server(name).open().await;
        assert!(matches!(opened, Err(LimitsError::Server(n)) if n == name), "{name}");
    }
}
