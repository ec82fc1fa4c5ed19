//! What outlasts a restart of those who have to wait.

use std::{sync::Arc, time::Duration};

use registry_adapters::{accounts::Accounts, passwords::SavedTries};
use registry_core::{
    ports::{Lookup, RecordStore, StoreErrorKind},
    testing::{Call, Fault, Faults, Faulty, Seeded},
};

use crate::world::{AWAY, HOME, Outcome, World, attacked, is, login_from};

const NAME: &str = "accounts";
const KEY: &str = "x-passwords/tries/accounts";

/// Another life of the server, with other chances, that goes on with what was saved.
async fn restarted(world: &World) -> (Accounts, SavedTries) {
    let accounts = world.another();
    let saved = saved(world, &accounts).await;
    (accounts, saved)
}

async fn saved(world: &World, accounts: &Accounts) -> SavedTries {
    let random = Seeded::new(7);
    let opened = SavedTries::open(accounts.tries(), NAME, Arc::clone(&world.store), random).await;
    opened.expect("the store answers")
}

#[tokio::test]
async fn a_restart_lets_no_address_guess_anew_and_locks_nobody_out_at_home() {
    let world = attacked().await;
    for _ in 0..10 {
        login_from(&world.accounts, AWAY, "nobody", "wrong").await;
    }
    let tries = saved(&world, &world.accounts).await;
    tries.save().await.expect("it is saved");
    world.pass(20);
    let (accounts, _) = restarted(&world).await;
    let away = login_from(&accounts, AWAY, "alice", "wonderland").await;
    assert_eq!(away, Outcome::Throttled(Duration::from_secs(40)));
    assert_eq!(login_from(&accounts, HOME, "alice", "wonderland").await, is("alice"));
    world.pass(40);
    assert_eq!(login_from(&accounts, AWAY, "alice", "wonderland").await, is("alice"));
}

#[tokio::test]
async fn an_address_that_was_wrong_with_keys_or_for_nobody_waits_after_a_restart_too() {
    let world = World::in_memory();
    world.add("alice", "wonderland").await;
    let unknown = World::in_memory().key("project:acme").await;
    let unknown = unknown.secret.expose();
    for _ in 0..10 {
        world.login("nobody", "wrong").await;
        world.login("acme", unknown).await;
    }
    saved(&world, &world.accounts).await.save().await.expect("it is saved");
    let (accounts, _) = restarted(&world).await;
    let minute = Outcome::Throttled(Duration::from_secs(60));
    assert_eq!(login_from(&accounts, HOME, "alice", "wonderland").await, minute);
    assert_eq!(login_from(&accounts, HOME, "acme", unknown).await, minute);
    assert_eq!(login_from(&accounts, AWAY, "alice", "wonderland").await, is("alice"));
}

#[tokio::test]
async fn a_restart_does_not_tell_which_names_are_users() {
    let world = attacked().await;
    for host in 0..10 {
        let peer = format!("198.51.100.{host}");
        login_from(&world.accounts, &peer, "nobody", "wrong").await;
    }
    let throttled = Outcome::Throttled(Duration::from_secs(60));
    for name in ["alice", "nobody"] {
        assert_eq!(login_from(&world.accounts, "192.0.2.77", name, "wrong").await, throttled);
    }
    saved(&world, &world.accounts).await.save().await.expect("it is saved");
    let (accounts, _) = restarted(&world).await;
    for name in ["alice", "nobody"] {
        let again = login_from(&accounts, "192.0.2.77", name, "wrong").await;
        assert!(matches!(again, Outcome::Refused(_)), "{name}: {again:?}");
    }
}

#[tokio::test]
async fn what_is_damaged_is_as_good_as_none() {
    let world = attacked().await;
    saved(&world, &world.accounts).await.save().await.expect("it is saved");
    let faults = Faults::at(0, Fault::Refused(StoreErrorKind::Corrupt));
    let records = Faulty::new(Arc::clone(&world.store), &faults);
    let accounts = world.another();
    let tries = SavedTries::open(accounts.tries(), NAME, records, Seeded::new(7)).await;
    let tries = tries.expect("it starts anew");
    assert_eq!(login_from(&accounts, HOME, "alice", "wonderland").await, is("alice"));
    tries.save().await.expect("it is saved");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_an_error() {
    let world = World::in_memory();
    let faults = Faults::at(0, Fault::Refused(StoreErrorKind::Other));
    let records = Faulty::new(Arc::clone(&world.store), &faults);
    let opened = SavedTries::open(world.accounts.tries(), NAME, records, Seeded::new(7)).await;
    let error = opened.expect_err("nobody knows what was saved");
    assert!(matches!(error.kind(), StoreErrorKind::Other), "{error:?}");
}

#[tokio::test]
async fn what_is_saved_says_no_name_and_nothing_of_a_name_that_may_be_a_password() {
    let world = attacked().await;
    for host in 0..10 {
        let peer = format!("198.51.100.{host}");
        login_from(&world.accounts, &peer, "correct horse", "alice").await;
    }
    saved(&world, &world.accounts).await.save().await.expect("it is saved");
    let Ok(Lookup::Found(_, record)) = world.store.get(&KEY.parse().expect("a key"), None).await
    else {
        panic!("it is there");
    };
    let text = String::from_utf8(record.to_bytes().to_vec()).expect("JSON");
    for word in ["alice", "correct", "horse", "wrong", "wonderland", "198.51", HOME] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    let fields: serde_json::Value = serde_json::from_str(text.trim_end()).expect("JSON");
    let tables = fields["tables"].as_object().expect("tables").iter();
    let rows = tables.map(|(table, rows)| (&**table, rows.as_array().map_or(0, Vec::len)));
    let rows: Vec<_> = rows.collect();
    // The addresses of all, and the one at which a user was right.
    assert_eq!(rows, [("at-home", 0), ("by-address", 20), ("home", 1), ("of-keys", 0)]);
}

#[tokio::test]
async fn what_nobody_added_to_is_not_written_again_and_what_was_not_written_is() {
    let world = attacked().await;
    let tries = saved(&world, &world.accounts).await;
    world.calls.break_at(|call| matches!(call, Call::Put(_)));
    tries.save().await.expect_err("the store is broken");
    world.calls.mend();
    tries.save().await.expect("it is saved");
    world.calls.take();
    tries.save().await.expect("there is nothing to do");
    assert_eq!(world.calls.take(), []);
    let (_, tries) = restarted(&world).await;
    world.calls.take();
    tries.save().await.expect("there is nothing to do");
    assert_eq!(world.calls.take(), []);
}

#[tokio::test]
async fn a_name_that_is_no_part_of_a_key_is_refused() {
    let world = World::in_memory();
    for name in ["", "a/b", "a b"] {
        let opened = SavedTries::open(
            world.accounts.tries(),
            name,
            Arc::clone(&world.store),
            Seeded::default(),
        );
        let error = opened.await.expect_err(name);
        assert!(matches!(error.kind(), StoreErrorKind::Unsupported), "{name}: {error:?}");
    }
}
