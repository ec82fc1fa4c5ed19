//! Users: added, shown, changed, removed.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::future::join_all;
use registry_adapters::accounts::{AccountsError, PasswordError, User};
use registry_core::{
    credentials::Secret,
    ports::{Clock, Expect, Lookup, PutOutcome, RecordStore},
    record::{Nonce, Record, RecordKey},
    testing::{Call, Seeded},
};

use crate::world::{World, groups, is, new_key, refused, user};

crate::on_every_store! {
    a_user_is_there_once_with_its_groups_in_order,
    whoever_is_not_there_cannot_be_changed,
    a_change_counts_on_every_server_from_the_next_request_on,
    of_those_who_add_one_user_at_once_one_wins,
    changes_of_one_user_at_once_are_all_made,
    a_disabled_user_is_refused_with_its_keys_until_it_is_enabled,
    a_removed_user_leaves_nothing_behind,
    a_new_user_of_the_same_name_inherits_nothing,
    what_a_failing_removal_leaves_is_worthless,
    a_record_that_is_none_hides_no_user_and_can_be_removed,
    a_user_whose_name_is_none_can_be_removed_by_its_record_and_no_other,
}

async fn a_user_is_there_once_with_its_groups_in_order(world: World) {
    let password = Secret::new("wonderland");
    let given = groups(&["staff", "admins", "staff"]);
    world.accounts.add_user(&user("bob"), &password, &given).await.expect("added");
    world.add("alice", "wonderland").await;
    let again = world.accounts.add_user(&user("bob"), &Secret::new("another one"), &[]).await;
    assert!(matches!(again, Err(AccountsError::Exists)), "{again:?}");
    let list = world.accounts.users().await.expect("users");
    assert_eq!(list.corrupt, []);
    let users = list.users;
    let shown: Vec<_> =
        users.iter().map(|user| (user.name.as_str(), user.groups.clone())).collect();
    assert_eq!(shown, [("alice", vec![]), ("bob", groups(&["admins", "staff"]))]);
    assert!(users.iter().all(|user| user.created == world.clock.now() && !user.disabled));
    let bob = world.accounts.user(&user("bob")).await.expect("a user");
    assert_eq!(bob.as_ref(), users.last());
    assert_eq!(world.accounts.user(&user("carol")).await.expect("nobody"), None);
    let who = world.who("bob", "wonderland").await.expect("bob");
    assert_eq!(who.groups().collect::<Vec<_>>(), ["admins", "staff"]);
}

async fn whoever_is_not_there_cannot_be_changed(world: World) {
    let (nobody, accounts) = (user("nobody"), &world.accounts);
    for outcome in [
        accounts.set_password(&nobody, &Secret::new("wonderland")).await,
        accounts.set_disabled(&nobody, true).await,
        accounts.set_groups(&nobody, &[]).await,
        accounts.revoke_refresh_tokens(&nobody).await,
        accounts.remove_user(&nobody).await,
        accounts.create_key(new_key("user:nobody")).await.map(drop),
    ] {
        assert!(matches!(outcome, Err(AccountsError::NotFound)), "{outcome:?}");
    }
    assert_eq!(world.names().await, [""; 0], "nothing was written");
}

#[tokio::test]
async fn only_a_password_that_can_be_one_is_taken() {
    let world = World::in_memory();
    let shortest = "12345678";
    world.add("alice", shortest).await;
    world.add("bob", &"é".repeat(512)).await;
    for (password, wrong) in [
        ("1234567".to_owned(), PasswordError::Length),
        ("0".repeat(1025), PasswordError::Length),
        ("wonder\nland".to_owned(), PasswordError::Control),
        ("wonder\u{85}land".to_owned(), PasswordError::Control),
        ("ocir_wonderland".to_owned(), PasswordError::Reserved),
    ] {
        let secret = Secret::new(password.clone());
        for outcome in [
            world.accounts.add_user(&user("carol"), &secret, &[]).await,
            world.accounts.set_password(&user("alice"), &secret).await,
        ] {
            let Err(AccountsError::Password(error)) = outcome else { panic!("{outcome:?}") };
            assert_eq!(error, wrong, "{password}");
        }
    }
    assert_eq!(world.login("alice", shortest).await, is("alice"));
    assert_eq!(world.login("bob", &"é".repeat(512)).await, is("bob"));
}

#[tokio::test]
async fn a_user_is_in_so_many_groups_and_no_more() {
    let world = World::in_memory();
    world.add("alice", "wonderland").await;
    let names: Vec<_> = (0..=User::MAX_GROUPS).map(|n| format!("group-{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (alice, all) = (user("alice"), groups(&names));
    let set = |count: usize| world.accounts.set_groups(&alice, &all[..count]);
    set(User::MAX_GROUPS).await.expect("as many as may be");
    let one_more = set(User::MAX_GROUPS + 1).await;
    assert!(matches!(one_more, Err(AccountsError::TooManyGroups)), "{one_more:?}");
}

async fn a_change_counts_on_every_server_from_the_next_request_on(world: World) {
    world.add("alice", "wonderland").await;
    let (alice, other) = (user("alice"), world.another());
    assert_eq!(world.login("alice", "wonderland").await, is("alice"));
    other.set_password(&alice, &Secret::new("looking-glass")).await.expect("changed");
    assert_eq!(world.login("alice", "wonderland").await, refused("the password is wrong"));
    assert_eq!(world.login("alice", "looking-glass").await, is("alice"));
    other.set_groups(&alice, &groups(&["staff"])).await.expect("changed");
    let who = world.who("alice", "looking-glass").await.expect("alice");
    assert_eq!(who.groups().collect::<Vec<_>>(), ["staff"]);
    other.set_groups(&alice, &[]).await.expect("changed");
    let who = world.who("alice", "looking-glass").await.expect("alice");
    assert_eq!(who.groups().count(), 0, "a group that was left counts no longer");
    other.remove_user(&alice).await.expect("removed");
    let gone = refused("there is no such user");
    assert_eq!(world.login("alice", "looking-glass").await, gone, "remembered or not");
}

async fn of_those_who_add_one_user_at_once_one_wins(world: World) {
    let alice = user("alice");
    let passwords: Vec<_> = (0..6).map(|n| Secret::new(format!("password {n}"))).collect();
    let servers: Vec<_> = passwords.iter().map(|_| world.another()).collect();
    let adding = servers.iter().zip(&passwords);
    let adding = adding.map(|(server, password)| server.add_user(&alice, password, &[]));
    let added = join_all(adding).await;
    let won: Vec<_> = (0..6).filter(|n| added[*n].is_ok()).collect();
    assert_eq!(won.len(), 1, "{added:?}");
    let exist = added.iter().filter(|one| matches!(one, Err(AccountsError::Exists))).count();
    assert_eq!(exist, 5, "{added:?}");
    for (n, password) in passwords.iter().enumerate() {
        let who = world.who("alice", password.expose()).await;
        assert_eq!(who.is_ok(), won == [n], "{n}");
    }
}

async fn changes_of_one_user_at_once_are_all_made(world: World) {
    world.add("alice", "wonderland").await;
    let (alice, one, two) = (user("alice"), world.another(), world.another());
    let (staff, looking_glass) = (groups(&["staff"]), Secret::new("looking-glass"));
    let servers: Vec<_> = (0..4).map(|_| world.another()).collect();
    let keys = servers.iter().flat_map(|server| [server, server]);
    let keys = join_all(keys.map(|server| server.create_key(new_key("user:alice"))));
    let (groups_set, password_set, keys, disabled) = futures::join!(
        one.set_groups(&alice, &staff),
        two.set_password(&alice, &looking_glass),
        keys,
        world.accounts.set_disabled(&alice, false),
    );
    for outcome in [groups_set, password_set, disabled] {
        outcome.expect("made");
    }
    let who = world.who("alice", "looking-glass").await.expect("alice");
    assert_eq!(who.groups().collect::<Vec<_>>(), ["staff"]);
    for key in keys {
        let key = key.expect("made");
        assert_eq!(world.login("alice", key.secret.expose()).await, is("alice"));
    }
    world.accounts.remove_user(&alice).await.expect("removed");
    assert_eq!(world.names().await, [""; 0], "all keys were noted");
}

async fn a_disabled_user_is_refused_with_its_keys_until_it_is_enabled(world: World) {
    world.add("alice", "wonderland").await;
    let key = world.key("user:alice").await;
    let alice = user("alice");
    assert_eq!(world.login("alice", "wonderland").await, is("alice"));
    world.accounts.set_disabled(&alice, true).await.expect("disabled");
    assert!(world.accounts.user(&alice).await.expect("read").expect("alice").disabled);
    let disabled = refused("the user is disabled");
    assert_eq!(world.login("alice", "wonderland").await, disabled, "remembered or not");
    assert_eq!(world.login("alice", key.secret.expose()).await, disabled);
    world.accounts.set_disabled(&alice, false).await.expect("enabled");
    assert_eq!(world.login("alice", "wonderland").await, is("alice"));
    assert_eq!(world.login("alice", key.secret.expose()).await, is("alice"));
}

async fn a_removed_user_leaves_nothing_behind(world: World) {
    world.add("alice", "wonderland").await;
    let key = world.key("user:alice").await;
    let principal = world.who("alice", "wonderland").await.expect("alice");
    crate::refresh::issue(&world.accounts, &principal).await.expect("a refresh token");
    assert_eq!(world.names().await.len(), 4);
    world.accounts.remove_user(&user("alice")).await.expect("removed");
    assert_eq!(world.names().await, [""; 0]);
    let unknown = refused("the key is not known");
    assert_eq!(world.login("alice", key.secret.expose()).await, unknown);
}

async fn a_new_user_of_the_same_name_inherits_nothing(world: World) {
    world.add("alice", "wonderland").await;
    let key = world.key("user:alice").await;
    let principal = world.who("alice", "wonderland").await.expect("alice");
    let token = crate::refresh::issue(&world.accounts, &principal).await.expect("a token");
    world.accounts.remove_user(&user("alice")).await.expect("removed");
    world.add("alice", "wonderland").await;
    assert_eq!(world.login("alice", "wonderland").await, is("alice"));
    assert!(world.who("alice", key.secret.expose()).await.is_err());
    assert!(crate::refresh::redeem(&world.accounts, &token).await.is_err());
    // Not even by what the first one was told when it logged in.
    assert!(crate::refresh::issue(&world.accounts, &principal).await.is_none());
}

async fn what_a_failing_removal_leaves_is_worthless(world: World) {
    world.add("alice", "wonderland").await;
    let old = world.key("user:alice").await;
    let principal = world.who("alice", "wonderland").await.expect("alice");
    let token = crate::refresh::issue(&world.accounts, &principal).await.expect("a token");
    world.calls.break_at(
        |call| matches!(call, Call::DeleteRecord(key) if !key.as_str().contains("/user/")),
    );
    let removed = world.accounts.remove_user(&user("alice")).await;
    assert!(matches!(removed, Err(AccountsError::Store(_))), "{removed:?}");
    world.calls.mend();
    assert_eq!(world.names().await.len(), 3, "everything but the user");
    assert_eq!(world.login("alice", "wonderland").await, refused("there is no such user"));
    for _ in 0..2 {
        let removed = refused("the user is removed");
        assert_eq!(world.login("alice", old.secret.expose()).await, removed);
        assert!(crate::refresh::redeem(&world.accounts, &token).await.is_err());
        // And the next one of that name does not get them.
        let _ = world.accounts.add_user(&user("alice"), &Secret::new("wonderland"), &[]).await;
    }
    let new = world.key("user:alice").await;
    let keys = world.accounts.keys().await.expect("keys").keys;
    assert_eq!(keys, [new.key], "the old ones are swept with the next key");
}

async fn a_user_whose_name_is_none_can_be_removed_by_its_record_and_no_other(world: World) {
    world.add("alice", "wonderland").await;
    let [alice, odd] = ["alice", "Bob"]
        .map(|name| format!("x-accounts/user/{name}").parse::<RecordKey>().expect("a key"));
    let Ok(Lookup::Found(_, record)) = world.store.get(&alice, None).await else {
        panic!("alice is there")
    };
    let put = world.store.put(&odd, record, Expect::Absent).await;
    assert!(matches!(put, Ok(PutOutcome::Stored(_))), "{put:?}");
    let corrupt = world.accounts.users().await.expect("a list").corrupt;
    assert_eq!(corrupt, std::slice::from_ref(&odd));
    let good = world.accounts.remove_corrupt(&alice).await;
    assert!(matches!(good, Err(AccountsError::NotFound)), "{good:?}");
    world.accounts.remove_corrupt(&odd).await.expect("removed");
    let again = world.accounts.remove_corrupt(&odd).await;
    assert!(matches!(again, Err(AccountsError::NotFound)), "{again:?}");
    assert_eq!(world.accounts.users().await.expect("a list").corrupt, []);
    assert_eq!(world.login("alice", "wonderland").await, is("alice"));
}

async fn a_record_that_is_none_hides_no_user_and_can_be_removed(world: World) {
    for name in ["alice", "carol"] {
        world.add(name, "wonderland").await;
    }
    let odd = "x-accounts/user/bob".parse().expect("a key");
    let fields = BTreeMap::<String, String>::new();
    let record = Record::new("x-test", Nonce::new(&Seeded::default()), &fields, Bytes::new());
    let put = world.store.put(&odd, record.expect("a record"), Expect::Absent).await;
    assert!(matches!(put, Ok(PutOutcome::Stored(_))), "{put:?}");
    let list = world.accounts.users().await.expect("a list");
    let names: Vec<_> = list.users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!((names, list.corrupt), (vec!["alice", "carol"], vec![odd]));
    world.accounts.remove_user(&user("bob")).await.expect("removed");
    assert_eq!(world.accounts.users().await.expect("a list").corrupt, []);
    let again = world.accounts.remove_user(&user("bob")).await;
    assert!(matches!(again, Err(AccountsError::NotFound)), "{again:?}");
    world.add("bob", "wonderland").await;
    assert_eq!(world.login("bob", "wonderland").await, is("bob"));
}
