//! Who has to wait.

use std::{pin::pin, thread, time::Duration};

use futures::future::join_all;
use registry_adapters::htpasswd::Htpasswd;
use registry_core::{
    ports::Authenticator,
    testing::{ManualClock, Seeded},
};
use tempfile::TempDir;

use crate::{
    log,
    support::{AWAY, HOME, Outcome, World, basic, line, line_of_cost, outcome},
    timing,
};

const SECOND: Duration = Duration::from_secs(1);

fn is(name: &str) -> Outcome {
    Outcome::Is(name.to_owned())
}

#[tokio::test]
async fn an_address_that_was_wrong_ten_times_waits_whoever_it_says_to_be() {
    let world = World::new(&(line("alice", "wonder") + &line("waiting", "builder")));
    world.fail_ten_times(HOME, "nobody").await;
    world.pass(20);
    let compared = log::count(&["compared", "user=\"waiting\""]);
    assert_eq!(
        world.try_from(HOME, "waiting", "builder").await,
        Outcome::Throttled(40 * SECOND),
        "also with the right password"
    );
    assert_eq!(log::count(&["compared", "user=\"waiting\""]), compared, "before the hash");
    assert_eq!(world.try_from(AWAY, "alice", "wonder").await, is("alice"));
    world.pass(40);
    assert_eq!(world.try_from(HOME, "waiting", "builder").await, is("waiting"));
}

#[tokio::test]
async fn a_user_for_whom_somebody_was_wrong_ten_times_waits_wherever_they_come_from() {
    let world = World::new(&(line("alice", "wonder") + &line("bob", "builder")));
    for host in 0..10 {
        let peer = format!("203.0.113.{host}");
        assert_eq!(world.try_from(&peer, "alice", "wrong").await, Outcome::Refused);
    }
    let throttled = Outcome::Throttled(60 * SECOND);
    assert_eq!(world.try_from(HOME, "alice", "wonder").await, throttled);
    assert_eq!(world.try_from(HOME, "bob", "builder").await, is("bob"));
    world.pass(60);
    assert_eq!(world.try_from(HOME, "alice", "wonder").await, is("alice"));
}

#[tokio::test]
async fn a_user_that_is_not_there_waits_as_one_that_is() {
    let world = World::new(&line("alice", "wonder"));
    for host in 0..10 {
        let peer = format!("203.0.113.{host}");
        assert_eq!(world.try_from(&peer, "nobody", "wrong").await, Outcome::Refused);
    }
    let throttled = Outcome::Throttled(60 * SECOND);
    assert_eq!(world.try_from(HOME, "nobody", "wrong").await, throttled);
}

#[tokio::test]
async fn others_cannot_lock_a_user_out_at_home() {
    let world = World::new(&line("alice", "wonder"));
    assert_eq!(world.try_from(HOME, "alice", "wonder").await, is("alice"));
    world.pass(3600);
    world.fail_ten_times(AWAY, "alice").await;
    assert!(matches!(world.try_from(AWAY, "alice", "wonder").await, Outcome::Throttled(_)));
    assert_eq!(world.try_from(HOME, "alice", "wonder").await, is("alice"));
    world.fail_ten_times(HOME, "nobody").await;
    assert_eq!(world.try_from(HOME, "alice", "wonder").await, is("alice"));
    // But whoever shares that address has ten tries there as everywhere.
    world.fail_ten_times(HOME, "alice").await;
    let throttled = Outcome::Throttled(60 * SECOND);
    assert_eq!(world.try_from(HOME, "alice", "wonder").await, throttled, "remembered or not");
    world.pass(24 * 3600);
    for host in 0..10 {
        let peer = format!("203.0.113.{host}");
        assert_eq!(world.try_from(&peer, "alice", "wrong").await, Outcome::Refused);
    }
    assert_eq!(world.try_from(HOME, "alice", "wonder").await, throttled, "home is for a day");
}

#[tokio::test]
async fn whoever_keeps_knocking_is_let_in_when_the_time_has_come() {
    let world = World::new(&line("alice", "wonder"));
    world.fail_ten_times(HOME, "alice").await;
    for left in (1..=60).rev() {
        let throttled = Outcome::Throttled(left * SECOND);
        assert_eq!(world.try_from(HOME, "alice", "wonder").await, throttled);
        world.pass(1);
    }
    assert_eq!(world.try_from(HOME, "alice", "wonder").await, is("alice"));
}

#[tokio::test]
async fn a_password_that_is_too_long_counts_as_a_wrong_one() {
    let world = World::new(&line("alice", "wonder"));
    for _ in 0..10 {
        assert_eq!(world.try_from(HOME, "alice", &"0".repeat(99)).await, Outcome::Refused);
    }
    assert!(matches!(world.try_from(HOME, "alice", "wonder").await, Outcome::Throttled(_)));
}

#[tokio::test]
async fn a_try_counts_also_when_the_client_hangs_up() {
    let world = World::new(&line_of_cost("hasty", "wonder", 6));
    for _ in 0..9 {
        assert_eq!(world.try_from(HOME, "hasty", "wrong").await, Outcome::Refused);
    }
    {
        // Polled once, which starts the hash, and dropped.
        let mut tenth = pin!(world.try_from(HOME, "hasty", "wrong"));
        assert!(futures::poll!(&mut tenth).is_pending());
    }
    let throttled = async {
        while world.try_from(HOME, "hasty", "wonder").await == is("hasty") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(60 * SECOND, throttled).await.expect("the tenth counts");
}

#[tokio::test]
async fn nobody_waits_for_a_turn_without_end() {
    let turns = thread::available_parallelism().map_or(1, usize::from).saturating_sub(1).max(1);
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("users");
    std::fs::write(&path, line_of_cost("alice", "wonder", 11)).expect("a file");
    // Its sleep is over at once.
    let htpasswd = Htpasswd::open(&path, ManualClock::default(), Seeded::default());
    let htpasswd = htpasswd.expect("users");
    let (right, wrong) = (basic("alice", "wonder"), basic("alice", "wrong"));
    let many = (0..turns).map(|_| &right).chain([&wrong]);
    let outcomes = join_all(many.map(|basic| htpasswd.authenticate(basic, None))).await;
    let mut outcomes: Vec<_> = outcomes.into_iter().map(outcome).collect();
    assert_eq!(outcomes.pop(), Some(Outcome::Throttled(SECOND)));
    assert!(outcomes.iter().all(|outcome| *outcome == is("alice")), "{outcomes:?}");
}

/// The lowest cost is some milliseconds, many times as much as all the rest.
#[tokio::test]
async fn time_does_not_tell_whether_there_is_such_a_user() {
    let world = World::new(&line("alice", "wonder"));
    let tries = timing::assert_the_same(["alice", "nobody"], async |name| {
        world.pass(60);
        assert_eq!(world.try_from(HOME, name, "wrong").await, Outcome::Refused);
    });
    tries.await;
}
