//! Rates, while one server runs.

use std::{sync::Arc, time::Duration};

use futures::FutureExt;
use registry_adapters::{
    limits::{Limits, Rate, Rates},
    system::{SystemClock, SystemRandom},
};
use registry_core::{
    ports::{Clock, Limit, RateLimiter, Subject, SubjectKind, Taken},
    testing::{Faults, Faulty},
};

use crate::support::{World, address, granted, namespace, take};

const SECOND: Duration = Duration::from_secs(1);

fn requests(per_second: u64, burst: u64) -> Rates {
    let rate = Rate::new(per_second, SECOND, burst).expect("it is a rate");
    Rates::none().with(Limit::Requests, SubjectKind::Address, rate)
}

#[tokio::test]
async fn what_has_no_rate_is_not_limited_nor_remembered() {
    let limits = World::default().rates(requests(1, 1)).await;
    for key in [address(Limit::Failures, 1), namespace(Limit::Requests, "a")] {
        assert_eq!(take(&limits, &key, u64::MAX).await, Taken::Granted(u64::MAX));
    }
    assert_eq!(take(&limits, &namespace(Limit::StoredBytes, "a"), 9).await, Taken::Granted(9));
    assert_eq!(limits.keys(), 0);
}

#[tokio::test]
async fn each_has_a_share_of_its_own() {
    let limits = World::default().rates(requests(1, 3)).await;
    for number in 0..5 {
        assert_eq!(granted(&limits, &address(Limit::Requests, number), 5).await, 3);
        let wait = take(&limits, &address(Limit::Requests, number), 1).await;
        assert_eq!(wait, Taken::Wait(SECOND));
    }
}

#[tokio::test]
async fn bytes_are_granted_in_pieces_worth_sending() {
    let (world, mib) = (World::default(), 1 << 20);
    let rate = Rate::new(mib, SECOND, 4 * mib).expect("it is a rate");
    let limits =
        world.rates(Rates::none().with(Limit::PulledBytes, SubjectKind::Namespace, rate)).await;
    let key = namespace(Limit::PulledBytes, "a");
    assert_eq!(take(&limits, &key, 10 * mib).await, Taken::Granted(4 * mib));
    assert_eq!(take(&limits, &key, 10 * mib).await, Taken::Wait(SECOND));
    let few = Duration::from_nanos((100_u64 * 1_000_000_000).div_ceil(mib));
    assert_eq!(take(&limits, &key, 100).await, Taken::Wait(few), "the end of a blob is a piece");
    world.pass(1);
    assert_eq!(take(&limits, &key, 10 * mib).await, Taken::Granted(mib));
}

#[tokio::test]
async fn what_is_given_back_can_be_taken_again_and_no_more() {
    let limits = World::default().rates(requests(1, 3)).await;
    let key = address(Limit::Requests, 1);
    assert_eq!(granted(&limits, &key, 3).await, 3);
    limits.give_back(&key, 1).await.expect("it is counted");
    assert_eq!(granted(&limits, &key, 3).await, 1);
    limits.give_back(&key, 1000).await.expect("it is counted");
    assert_eq!(limits.keys(), 0, "a full bucket is not kept");
    assert_eq!(granted(&limits, &key, 1000).await, 3);
}

#[tokio::test]
async fn so_many_keys_are_remembered_at_most_and_those_that_used_most_are_among_them() {
    let world = World::default();
    let limits = world.builder().rates(requests(1, 1000)).max_keys(1000).open().await.unwrap();
    let greedy = address(Limit::Requests, u32::MAX);
    assert_eq!(granted(&limits, &greedy, 1000).await, 1000);
    for number in 0..100_000 {
        assert_eq!(granted(&limits, &address(Limit::Requests, number), 1).await, 1);
        assert!(limits.keys() <= 1024, "{} after {number}", limits.keys());
    }
    assert_eq!(granted(&limits, &greedy, 1).await, 0, "nobody is forgotten by crowding");
    world.pass(2);
    limits.save().await.unwrap();
    assert_eq!(limits.keys(), 1, "those that are full again are forgotten");
}

#[tokio::test]
async fn a_hundred_thousand_keys_have_room_where_nothing_else_is_said() {
    let limits = World::default().rates(requests(1, 10)).await;
    for number in 0..100_000 {
        granted(&limits, &address(Limit::Requests, number), 5).await;
    }
    // They are not spread quite evenly over the shards.
    assert!((90_000..=100_016).contains(&limits.keys()), "{}", limits.keys());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_never_get_more_than_the_burst_and_what_came_back() {
    let (rate, burst) = (10_000, 500);
    let clock = Arc::new(SystemClock::new());
    let limits = Limits::builder(World::default().records, clock.clone(), SystemRandom)
        .rates(requests(rate, burst));
    let limits = Arc::new(limits.open().await.unwrap());
    let start = clock.monotonic();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let limits = Arc::clone(&limits);
            tokio::spawn(async move {
                let mut taken = 0;
                for _ in 0..20_000 {
                    taken += granted(&limits, &address(Limit::Requests, 1), 1).await;
                }
                taken
            })
        })
        .collect();
    let mut taken = 0;
    for task in tasks {
        taken += task.await.expect("it ends");
    }
    let passed = clock.monotonic() - start;
    let most = burst + (passed.as_nanos() * u128::from(rate) / 1_000_000_000) as u64;
    assert!(taken <= most, "{taken} of {most}");
    assert!(taken >= burst);
}

#[test]
fn what_is_suggested_lets_the_official_suite_and_a_busy_machine_pass() {
    let rates = Rates::suggested();
    // Whoever fails has not shown who they are, so that nobody counts for them.
    assert_eq!(rates.get(Limit::Failures, SubjectKind::Principal), None);
    let kinds = [
        Subject::address("192.0.2.1".parse().unwrap()),
        Subject::Principal("user:ci".into()),
        Subject::Namespace("acme".into()),
    ];
    let world = World::default();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let limits = world.rates(rates).await;
        for subject in kinds {
            let key = |limit| registry_core::ports::LimitKey::new(limit, subject.clone());
            // The suite: 3 600 requests at once, each with a token of its own; three times.
            for limit in [Limit::Requests, Limit::TokenRequests] {
                for request in 0..3_600 {
                    assert_eq!(granted(&limits, &key(limit), 1).await, 1, "{request} of {subject}");
                }
            }
            // A machine that pulls an image of 20 layers every second, all day.
            for second in 0..86_400 {
                world.pass(1);
                let requests = granted(&limits, &key(Limit::Requests), 25).await;
                let tokens = granted(&limits, &key(Limit::TokenRequests), 2).await;
                assert_eq!((requests, tokens), (25, 2), "second {second} of {subject}");
            }
        }
        // Somebody who guesses passwords.
        let guesser = address(Limit::Failures, 7);
        let mut guesses = 0;
        for _ in 0..86_400 {
            world.pass(1);
            guesses += granted(&limits, &guesser, 10).await;
        }
        assert!(guesses <= 30 + 30 * 24 * 60, "{guesses} guesses a day");
    });
}

/// On the way of every request.
#[tokio::test]
async fn taking_and_giving_back_waits_for_nothing_and_asks_no_store() {
    let (world, faults) = (World::default(), Faults::none());
    let records = Faulty::new(world.records.clone(), &faults);
    let limits = Limits::builder(records, world.clock.clone(), SystemRandom)
        .rates(requests(1_000, 1_000))
        .open()
        .await
        .unwrap();
    let opened = faults.calls();
    for number in 0..10_000 {
        let key = address(Limit::Requests, number);
        let taken = limits.take(&key, 3).now_or_never().expect("it is answered at once");
        assert_eq!(taken.unwrap(), Taken::Granted(3));
        limits.give_back(&key, 1).now_or_never().expect("it is counted at once").unwrap();
    }
    assert_eq!(faults.calls(), opened);
}
