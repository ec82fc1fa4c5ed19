//! Keys: made, shown, expired, revoked.

use std::{collections::BTreeMap, fmt::Display, time::Duration};

use bytes::Bytes;
use futures::future::join_all;
use registry_adapters::accounts::{AccountsError, Key, NewKey};
use registry_core::{
    access::Scope,
    identity::{CredentialKind, PrincipalKind},
    ports::{Authenticator, Clock, Expect, Lookup, PutOutcome, RecordStore},
    record::{Nonce, Record, RecordKey},
    testing::{Call, Seeded},
};

use crate::world::{
    AWAY, DAY, Outcome, World, basic, is, login_from, new_key, owner, refused, user,
};

crate::on_every_store! {
    a_key_is_its_owner_with_its_id,
    a_key_needs_its_owners_name,
    a_project_is_known_by_its_id_too,
    a_key_is_listed_and_its_secret_is_not,
    a_revoked_key_is_refused_at_once_on_every_server,
    a_key_expires,
    an_owner_has_so_many_keys_and_no_more,
    a_record_that_is_none_hides_no_key_and_can_be_removed,
    a_user_with_a_damaged_key_is_removed_with_all_the_others,
}

async fn a_key_is_its_owner_with_its_id(world: World) {
    world.add("alice", "wonderland").await;
    let kinds = [
        ("user:alice", "alice", PrincipalKind::User, CredentialKind::UserKey),
        ("project:acme/team", "acme/team", PrincipalKind::Project, CredentialKind::ProjectKey),
        ("runner:acme/app", "runner", PrincipalKind::Runner, CredentialKind::RunnerToken),
    ];
    for (text, name, kind, credential) in kinds {
        let key = world.key(text).await;
        let credentials = basic(name, key.secret.expose());
        let who = world.accounts.authenticate(&credentials, None).await.expect(text);
        assert_eq!((who.principal.kind(), who.principal.credential()), (kind, credential));
        assert_eq!(who.principal.owner(), text);
        assert_eq!(who.principal.credential_id(), Some(&*key.key.id.to_string()));
        assert_eq!(who.scope, Scope::Full);
    }
}

async fn a_key_needs_its_owners_name(world: World) {
    world.add("alice", "wonderland").await;
    world.add("bob", "wonderland").await;
    for (text, right, wrong) in [
        ("user:alice", &["alice"][..], &["bob", "nobody", "", "Alice", "user:alice"][..]),
        ("project:acme", &["acme"], &["acme2", "acme/team", "alice", "", "project:acme"]),
        ("runner:acme/app", &["runner", "acme/app", "x"], &[""]),
    ] {
        let key = world.key(text).await;
        for name in right {
            let who = world.who(name, key.secret.expose()).await.expect(name);
            assert_eq!(who.owner(), text);
        }
        for name in wrong {
            let refused = refused("the user name is not that of the key");
            assert_eq!(world.login(name, key.secret.expose()).await, refused, "{text} {name}");
        }
        world.pass(60);
    }
}

async fn a_project_is_known_by_its_id_too(world: World) {
    let (one, two) = (world.key("project:acme").await, world.key("project:acme").await);
    let other = world.key("project:other").await;
    assert_eq!(one.key.owner_id, two.key.owner_id);
    assert_ne!(one.key.owner_id, other.key.owner_id);
    assert_eq!(world.login(&one.key.owner_id, two.secret.expose()).await, is("acme"));
    let wrong = world.login(&other.key.owner_id, one.secret.expose()).await;
    assert_eq!(wrong, refused("the user name is not that of the key"));
}

async fn a_key_is_listed_and_its_secret_is_not(world: World) {
    let expires = world.clock.now() + Duration::from_millis(1_234);
    let new = NewKey {
        owner: owner("project:acme"),
        description: "CI of the « acme » team".to_owned(),
        expires: Some(expires),
    };
    let made = world.accounts.create_key(new).await.expect("a key");
    let keys = world.accounts.keys().await.expect("keys").keys;
    assert_eq!(keys, [made.key]);
    let key = &keys[0];
    assert_eq!(
        (key.owner.to_string(), &*key.description),
        ("project:acme".to_owned(), "CI of the « acme » team")
    );
    assert_eq!((key.created, key.expires, key.revoked), (world.clock.now(), Some(expires), None));
    let stored = format!("{keys:?}{}", String::from_utf8_lossy(&world.stored().await));
    assert!(!stored.contains(made.secret.expose()));
}

async fn a_revoked_key_is_refused_at_once_on_every_server(world: World) {
    let key = world.key("project:acme").await;
    let kept = world.key("project:acme").await;
    let other = world.another();
    assert_eq!(world.login("acme", key.secret.expose()).await, is("acme"));
    world.pass(7);
    let when = world.clock.now();
    other.revoke_key(&key.key.id).await.expect("revoked");
    let revoked = refused("the key is revoked");
    assert_eq!(world.login("acme", key.secret.expose()).await, revoked);
    assert_eq!(world.login("acme", kept.secret.expose()).await, is("acme"));
    world.pass(7);
    other.revoke_key(&key.key.id).await.expect("revoked again");
    let keys = world.accounts.keys().await.expect("keys").keys;
    let since = |id| keys.iter().find(|key| key.id == id).expect("a key").revoked;
    assert_eq!((since(key.key.id), since(kept.key.id)), (Some(when), None));
    let unknown = other.revoke_key(&"0123456789abcdef".parse().expect("an id")).await;
    assert!(matches!(unknown, Err(AccountsError::NotFound)), "{unknown:?}");
}

async fn a_key_expires(world: World) {
    let expires = world.clock.now() + Duration::from_secs(DAY);
    let new = NewKey { expires: Some(expires), ..new_key("project:acme") };
    let key = world.accounts.create_key(new.clone()).await.expect("a key");
    world.pass(DAY - 1);
    assert_eq!(world.login("acme", key.secret.expose()).await, is("acme"));
    world.pass(1);
    assert_eq!(world.login("acme", key.secret.expose()).await, refused("the key has expired"));
    let late = world.accounts.create_key(new).await;
    assert!(matches!(late, Err(AccountsError::Expired)), "{late:?}");
}

async fn an_owner_has_so_many_keys_and_no_more(world: World) {
    let (expiring, revoked) =
        (world.clock.now() + Duration::from_secs(60), world.key("project:acme").await);
    let new = NewKey { expires: Some(expiring), ..new_key("project:acme") };
    world.accounts.create_key(new).await.expect("a key");
    let rest = Key::MAX_PER_OWNER - 2;
    let made = join_all((0..rest).map(|_| world.accounts.create_key(new_key("project:acme"))));
    assert!(made.await.iter().all(Result::is_ok));
    let one_more = world.accounts.create_key(new_key("project:acme")).await;
    assert!(matches!(one_more, Err(AccountsError::TooManyKeys)), "{one_more:?}");
    world.key("project:other").await;
    world.pass(60);
    world.accounts.revoke_key(&revoked.key.id).await.expect("revoked");
    world.key("project:acme").await;
    world.key("project:acme").await;
    let one_more = world.accounts.create_key(new_key("project:acme")).await;
    assert!(matches!(one_more, Err(AccountsError::TooManyKeys)), "{one_more:?}");
    let keys = world.accounts.keys().await.expect("keys").keys;
    let of_acme = keys.iter().filter(|key| key.owner == owner("project:acme")).count();
    assert_eq!(of_acme, Key::MAX_PER_OWNER, "those that are over were deleted");
}

/// Puts what is no key into the place of one.
async fn damage(world: &World, record: &RecordKey) {
    let fields = BTreeMap::<String, String>::new();
    let none = Record::new("x-test", Nonce::new(&Seeded::default()), &fields, Bytes::new());
    let expect = match world.store.get(record, None).await.expect("the store works") {
        Lookup::Found(version, _) => Expect::Version(version),
        _ => Expect::Absent,
    };
    let put = world.store.put(record, none.expect("a record"), expect).await;
    assert!(matches!(put, Ok(PutOutcome::Stored(_))), "{put:?}");
}

fn at(id: impl Display) -> RecordKey {
    format!("x-accounts/key/{id}").parse().expect("a key")
}

async fn a_record_that_is_none_hides_no_key_and_can_be_removed(world: World) {
    let (good, damaged) = (world.key("project:acme").await, world.key("project:acme").await);
    let id = damaged.key.id;
    for way in ["by its id", "by its record"] {
        damage(&world, &at(id)).await;
        damage(&world, &at("no-id")).await;
        let list = world.accounts.keys().await.expect("a list");
        assert_eq!(list.keys, std::slice::from_ref(&good.key), "{way}");
        assert_eq!(list.corrupt, [at(id), at("no-id")], "{way}");
        let removed = match way {
            "by its id" => world.accounts.revoke_key(&id).await,
            _ => world.accounts.remove_corrupt(&at(id)).await,
        };
        removed.expect(way);
        world.accounts.remove_corrupt(&at("no-id")).await.expect(way);
        let list = world.accounts.keys().await.expect("a list");
        assert_eq!((list.keys, list.corrupt), (vec![good.key.clone()], vec![]), "{way}");
        let again = world.accounts.revoke_key(&id).await;
        assert!(matches!(again, Err(AccountsError::NotFound)), "{way}: {again:?}");
    }
    let unknown = refused("the key is not known");
    assert_eq!(world.login("acme", damaged.secret.expose()).await, unknown);
    let no_other = world.accounts.remove_corrupt(&at(good.key.id)).await;
    assert!(matches!(no_other, Err(AccountsError::NotFound)), "{no_other:?}");
    assert_eq!(world.login("acme", good.secret.expose()).await, is("acme"));
}

async fn a_user_with_a_damaged_key_is_removed_with_all_the_others(world: World) {
    world.add("alice", "wonderland").await;
    for key in [world.key("user:alice").await, world.key("user:alice").await] {
        damage(&world, &at(key.key.id)).await;
        world.key("user:alice").await;
    }
    world.accounts.remove_user(&user("alice")).await.expect("removed");
    assert_eq!(world.names().await, [""; 0]);
}

#[tokio::test]
async fn a_key_that_was_noted_and_not_made_makes_room() {
    let world = World::in_memory();
    world.calls.break_at(|call| matches!(call, Call::Put(key) if key.as_str().contains("/key/")));
    for _ in 0..Key::MAX_PER_OWNER {
        let failed = world.accounts.create_key(new_key("project:acme")).await;
        assert!(matches!(failed, Err(AccountsError::Store(_))), "{failed:?}");
    }
    world.calls.mend();
    let key = world.key("project:acme").await;
    assert_eq!(world.login("acme", key.secret.expose()).await, is("acme"));
}

#[tokio::test]
async fn a_description_is_short_and_can_be_printed() {
    let world = World::in_memory();
    let describe = |text: &str| {
        let new = NewKey { description: text.to_owned(), ..new_key("project:acme") };
        world.accounts.create_key(new)
    };
    for good in ["", "CI", &"é".repeat(NewKey::MAX_DESCRIPTION)] {
        describe(good).await.expect("a key");
    }
    for bad in [&"x".repeat(NewKey::MAX_DESCRIPTION + 1), "a\nb", "\u{1b}[2J", "a\0"] {
        let refused = describe(bad).await;
        assert!(matches!(refused, Err(AccountsError::Description)), "{bad:?}");
    }
}

#[tokio::test]
async fn a_runners_token_is_good_for_a_day_at_most() {
    let world = World::in_memory();
    let day = Duration::from_secs(DAY);
    assert_eq!(Key::RUNNER_LIFETIME, day);
    let make =
        |expires| world.accounts.create_key(NewKey { expires, ..new_key("runner:acme/app") });
    for bad in [None, Some(world.clock.now() + day + Duration::from_millis(1))] {
        let refused = make(bad).await;
        assert!(matches!(refused, Err(AccountsError::RunnerLifetime)), "{bad:?}: {refused:?}");
    }
    let key = make(Some(world.clock.now() + day)).await.expect("a token");
    world.pass(DAY - 1);
    assert_eq!(world.login("runner", key.secret.expose()).await, is("acme/app"));
    world.pass(1);
    assert_eq!(world.login("runner", key.secret.expose()).await, refused("the key has expired"));
}

#[tokio::test]
async fn an_id_is_not_enough_of_a_key() {
    let (world, elsewhere) = (World::in_memory(), World::in_memory());
    let (kept, other) = (world.key("project:acme").await, elsewhere.key("project:acme").await);
    // What a key would find whose hash begins as that of one which was made.
    let Ok(Lookup::Found(_, record)) = world.store.get(&at(kept.key.id), None).await else {
        panic!("the key is there")
    };
    let put = world.store.put(&at(other.key.id), record, Expect::Absent).await;
    assert!(matches!(put, Ok(PutOutcome::Stored(_))), "{put:?}");
    let unknown = refused("the key is not known");
    assert_eq!(world.login("acme", other.secret.expose()).await, unknown);
    assert_eq!(world.login("acme", kept.secret.expose()).await, is("acme"));
    // Nor is it listed as what it is not.
    let list = world.accounts.keys().await.expect("a list");
    assert_eq!((list.keys, list.corrupt), (vec![kept.key], vec![at(other.key.id)]));
}

#[tokio::test]
async fn a_key_that_cannot_be_looked_up_is_not_refused() {
    let world = World::in_memory();
    let key = world.key("project:acme").await;
    world.calls.break_at(|_| true);
    for _ in 0..20 {
        assert_eq!(world.login("acme", key.secret.expose()).await, Outcome::Unavailable);
        assert_eq!(world.login("alice", "wonderland").await, Outcome::Unavailable);
    }
    world.calls.mend();
    assert_eq!(world.login("acme", key.secret.expose()).await, is("acme"), "nothing was counted");
}

#[tokio::test]
async fn a_project_key_costs_one_look_and_a_users_two() {
    let world = World::in_memory();
    world.add("alice", "wonderland").await;
    for (text, name, looks) in [("project:acme", "acme", 1), ("user:alice", "alice", 2)] {
        let key = world.key(text).await;
        world.calls.take();
        assert_eq!(login_from(&world.accounts, AWAY, name, key.secret.expose()).await, is(name));
        let calls = world.calls.take();
        assert!(calls.iter().all(|call| matches!(call, Call::Get(_))), "{calls:?}");
        assert_eq!(calls.len(), looks);
    }
}

#[tokio::test]
async fn a_project_of_the_same_name_as_a_user_is_another_owner() {
    let world = World::in_memory();
    world.add("acme", "wonderland").await;
    let (of_user, of_project) = (world.key("user:acme").await, world.key("project:acme").await);
    assert_ne!(of_user.key.owner_id, of_project.key.owner_id);
    world.accounts.remove_user(&user("acme")).await.expect("removed");
    let removed = world.login("acme", of_user.secret.expose()).await;
    assert_eq!(removed, refused("the key is not known"));
    assert_eq!(world.login("acme", of_project.secret.expose()).await, is("acme"));
}
