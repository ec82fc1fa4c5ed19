//! Who has to wait: the rules of passwords, as with any users, and those of keys.

use std::{net::Ipv4Addr, pin::pin, time::Duration};

use futures::future::{self, Either, join_all};
use registry_adapters::{
    accounts::{Accounts, AccountsError, PasswordCost, RESERVED_PREFIX},
    memory::MemoryRecords,
};
use registry_core::credentials::Secret;
use registry_core::testing::{ManualClock, Seeded};

use crate::{
    log,
    world::{AWAY, HOME, Outcome, World, attacked, is, login_from, refused, user},
};

const SECOND: Duration = Duration::from_secs(1);

async fn fail_ten_times(world: &World, peer: &str, name: &str, secret: &str) {
    for _ in 0..10 {
        let outcome = login_from(&world.accounts, peer, name, secret).await;
        assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_address_that_was_wrong_ten_times_waits_before_the_hash() {
    let world = World::in_memory();
    world.add("waiting", "wonderland").await;
    fail_ten_times(&world, HOME, "nobody", "wrong").await;
    world.pass(20);
    let throttled = Outcome::Throttled(40 * SECOND);
    world.calls.take();
    assert_eq!(world.login("waiting", "wonderland").await, throttled);
    assert_eq!(world.calls.take(), [], "the store is not asked");
    assert_eq!(log::count(&["compared", "user=\"waiting\""]), 0);
    let away = login_from(&world.accounts, AWAY, "waiting", "wonderland").await;
    assert_eq!(away, is("waiting"));
    world.pass(40);
    assert_eq!(world.login("waiting", "wonderland").await, is("waiting"));
}

#[tokio::test]
async fn a_user_for_whom_others_were_wrong_waits_but_not_at_home() {
    let world = attacked().await;
    let away = login_from(&world.accounts, AWAY, "alice", "wonderland").await;
    assert_eq!(away, Outcome::Throttled(60 * SECOND));
    assert_eq!(world.login("alice", "wonderland").await, is("alice"));
}

/// More names than are remembered, each from another address, make all others be forgotten: those
/// of users too, or it would tell who they are.
#[tokio::test]
async fn a_user_is_forgotten_among_many_names_as_one_that_is_not_there() {
    let world = World::in_memory();
    world.add("alice", "wonderland").await;
    let at = |n: u32| Ipv4Addr::from_bits(0xc612_0000 + n).to_string();
    for host in 0..10 {
        for name in ["alice", "nobody"] {
            login_from(&world.accounts, &at(host), name, "wrong").await;
        }
        world.pass(1);
    }
    let outcomes = async || {
        let mut outcomes = Vec::new();
        for name in ["alice", "nobody"] {
            outcomes.push(login_from(&world.accounts, AWAY, name, "wrong").await);
        }
        outcomes
    };
    let throttled = || Outcome::Throttled(50 * SECOND);
    assert_eq!(outcomes().await, [throttled(), throttled()]);
    for n in 10..8300 {
        login_from(&world.accounts, &at(n), &format!("name-{n}"), "wrong").await;
    }
    let forgotten = [refused("the password is wrong"), refused("there is no such user")];
    assert_eq!(outcomes().await, forgotten);
}

/// Behind a proxy that is not known as one, all clients are one address.
#[tokio::test]
async fn others_at_the_same_address_do_not_lock_a_user_out_at_home() {
    let world = World::in_memory();
    world.add("alice", "wonderland").await;
    world.add("bob", "builder-bob").await;
    assert_eq!(world.login("alice", "wonderland").await, is("alice"));
    fail_ten_times(&world, HOME, "nobody", "wrong").await;
    assert_eq!(world.login("alice", "wonderland").await, is("alice"));
    let throttled = Outcome::Throttled(60 * SECOND);
    assert_eq!(world.login("bob", "builder-bob").await, throttled, "who was not here before");
    // But whoever shares the address does not guess that user's password for long.
    fail_ten_times(&world, HOME, "alice", "wrong").await;
    assert_eq!(world.login("alice", "wonderland").await, throttled);
    world.pass(60);
    assert_eq!(world.login("alice", "wonderland").await, is("alice"));
}

#[tokio::test]
async fn wrong_keys_make_wrong_keys_wait_and_nobody_else() {
    let world = World::in_memory();
    world.add("alice", "wonderland").await;
    let (right, other) = (world.key("project:acme").await, World::in_memory());
    let unknown = other.key("project:acme").await;
    let form = refused("a key of this kind has another length or other characters");
    let typo = right.secret.expose().to_owned() + "x";
    assert_eq!(world.login("acme", &typo).await, form);
    for _ in 0..9 {
        let outcome = world.login("acme", unknown.secret.expose()).await;
        assert_eq!(outcome, refused("the key is not known"));
    }
    for left in (1..=60).rev() {
        let throttled = Outcome::Throttled(left * SECOND);
        assert_eq!(world.login("acme", unknown.secret.expose()).await, throttled);
        assert_eq!(world.login("acme", &typo).await, throttled, "a typing error too");
        assert_eq!(world.login("acme", right.secret.expose()).await, is("acme"));
        assert_eq!(world.login("alice", "wonderland").await, is("alice"));
        world.pass(1);
    }
    assert_eq!(world.login("acme", &typo).await, form, "whoever keeps knocking");
}

#[tokio::test]
async fn a_key_is_looked_up_where_many_passwords_were_wrong() {
    let world = World::in_memory();
    let key = world.key("project:acme").await;
    fail_ten_times(&world, HOME, "acme", "wrong").await;
    assert_eq!(world.login("acme", key.secret.expose()).await, is("acme"));
}

#[tokio::test]
async fn a_key_that_others_use_wrong_is_good_for_those_who_use_it_right() {
    let world = World::in_memory();
    let key = world.key("project:acme").await;
    for host in 0..20 {
        let peer = format!("203.0.113.{host}");
        let outcome = login_from(&world.accounts, &peer, "other", key.secret.expose()).await;
        assert_eq!(outcome, refused("the user name is not that of the key"));
    }
    assert_eq!(world.login("acme", key.secret.expose()).await, is("acme"));
}

#[tokio::test]
async fn what_is_remembered_of_users_is_not_flushed_by_keys() {
    let world = World::in_memory();
    world.add("alice", "wonderland").await;
    let at = |n: u32| Ipv4Addr::from_bits(0xc612_0000 + n).to_string();
    for host in 0..10 {
        let wrong = login_from(&world.accounts, &at(host), "alice", "wrong").await;
        assert_eq!(wrong, refused("the password is wrong"));
    }
    // More than are remembered, each another from another address.
    for n in 0..9000 {
        let key = format!("{RESERVED_PREFIX}{n}");
        login_from(&world.accounts, &at(n), "alice", &key).await;
    }
    let throttled = Outcome::Throttled(60 * SECOND);
    assert_eq!(world.login("alice", "wonderland").await, throttled, "the user");
    for _ in 0..10 {
        login_from(&world.accounts, HOME, "nobody", "wrong").await;
    }
    for n in 0..9000 {
        let key = format!("{RESERVED_PREFIX}{n}");
        login_from(&world.accounts, &at(n), "alice", &key).await;
    }
    world.add("bob", "builder-bob").await;
    assert_eq!(world.login("bob", "builder-bob").await, throttled, "the address");
}

#[tokio::test]
async fn a_malformed_key_is_refused_before_the_store_is_asked() {
    let world = World::in_memory();
    let key = world.key("project:acme").await;
    let text = key.secret.expose();
    let (start, last) = text.split_at(text.len() - 1);
    let typo = format!("{start}{}", if last == "0" { "1" } else { "0" });
    world.calls.take();
    for (wrong, reason) in [
        (&*typo, "the key's checksum is wrong, as when it was not copied right"),
        (start, "a key of this kind has another length or other characters"),
        ("ocir_project_", "a key of this kind has another length or other characters"),
        ("ocir_", "it starts as keys do, and is of no known kind"),
        ("ocir_admin_xyz", "it starts as keys do, and is of no known kind"),
    ] {
        assert_eq!(world.login("acme", wrong).await, refused(reason), "{wrong}");
    }
    assert_eq!(world.calls.take(), []);
}

#[tokio::test]
async fn a_flood_of_strangers_keeps_nobody_waiting_at_home() {
    let world = World::in_memory();
    let accounts = world.of_cost(PasswordCost::new(4096, 3).expect("a cost"));
    let alice = user("alice");
    accounts.add_user(&alice, &Secret::new("wonderland"), &[]).await.expect("added");
    assert_eq!(login_from(&accounts, HOME, "alice", "wonderland").await, is("alice"));
    // So that it costs a hash again.
    world.pass(60);
    let (names, peers): (Vec<_>, Vec<_>) = (0..500)
        .map(|n| (format!("nobody-{n}"), Ipv4Addr::from_bits(0xc612_0000 + n).to_string()))
        .unzip();
    let strangers = names.iter().zip(&peers);
    let flood = join_all(strangers.map(|(name, peer)| login_from(&accounts, peer, name, "wrong")));
    let mut flood = pin!(flood);
    assert!(futures::poll!(&mut flood).is_pending());
    let home = pin!(login_from(&accounts, HOME, "alice", "wonderland"));
    let Either::Left((home, flood)) = future::select(home, flood).await else {
        panic!("the flood was over first");
    };
    assert_eq!(home, is("alice"));
    let throttled = |outcome: &&Outcome| matches!(outcome, Outcome::Throttled(_));
    let outcomes = flood.await;
    let turned_away = outcomes.iter().filter(throttled).count();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    assert!(cores > 4 || turned_away > 0, "it was told at once");
}

#[tokio::test]
async fn nobody_waits_for_a_turn_without_end() {
    // Its sleep is over at once.
    let clock = ManualClock::default();
    let cost = PasswordCost::new(4096, 10).expect("a cost");
    let accounts = Accounts::with_cost(MemoryRecords::default(), clock, Seeded::default(), cost);
    let alice = user("alice");
    accounts.add_user(&alice, &Secret::new("wonderland"), &[]).await.expect("added");
    let turns = std::thread::available_parallelism().map_or(1, usize::from).saturating_sub(1);
    let many = (0..turns.max(1)).map(|_| "wonderland").chain(["wrong"]);
    let logins = join_all(many.map(|secret| login_from(&accounts, HOME, "alice", secret)));
    let other = Secret::new("looking-glass");
    let change = accounts.set_password(&alice, &other);
    let (mut outcomes, change) = futures::join!(logins, change);
    assert_eq!(outcomes.pop(), Some(Outcome::Throttled(SECOND)));
    assert!(outcomes.iter().all(|outcome| *outcome == is("alice")), "{outcomes:?}");
    assert!(matches!(change, Err(AccountsError::Busy)), "a new password waits too: {change:?}");
}
