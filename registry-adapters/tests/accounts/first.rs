//! Accounts and an htpasswd file in one server.

use std::fs;

use registry_adapters::{accounts::AccountsFirst, htpasswd::Htpasswd};
use registry_core::{
    credentials::{Credentials, Secret},
    identity::PrincipalKind,
    ports::{Authenticator, RefreshTokens},
    testing::Seeded,
};
use tempfile::TempDir;

use crate::timing::{assert_the_same, seen};
use crate::world::{AWAY, HOME, Outcome, World, basic, is, login_from, outcome, refused, user};

/// A world, and a file with these users beside it, whose passwords cost so much.
fn with_file(world: &World, users: &[(&str, &str)], cost: u32) -> AccountsFirst<Htpasswd> {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("users");
    let line = |(name, password): &(&str, &str)| {
        let hash = bcrypt::hash_with_salt(password, cost, [7; 16]).expect("a hash");
        format!("{name}:{hash}\n")
    };
    fs::write(&path, users.iter().map(line).collect::<String>()).expect("a file");
    let opened = Htpasswd::open(&path, world.clock.clone(), Seeded::default());
    let file = opened.expect("users").with_turns(world.accounts.turns());
    world.accounts.clone().before(file)
}

#[tokio::test]
async fn each_user_is_where_it_is() {
    let world = World::in_memory();
    world.add("alice", "wonderland").await;
    let both = with_file(&world, &[("bob", "builder"), ("Carol Ann", "caroline")], 4);
    for (name, password) in [("alice", "wonderland"), ("bob", "builder"), ("Carol Ann", "caroline")]
    {
        assert_eq!(login_from(&both, HOME, name, password).await, is(name));
        let wrong = refused("the password is wrong");
        assert_eq!(login_from(&both, HOME, name, "wrong").await, wrong, "{name}");
    }
    let nobody = refused("there is no such user");
    assert_eq!(login_from(&both, HOME, "nobody", "wonderland").await, nobody);
    let who = both.authenticate(&Credentials::Absent, None).await.expect("anonymous");
    assert_eq!(who.principal.kind(), PrincipalKind::Anonymous);
    let token = Credentials::Bearer(Secret::new("wonderland"));
    assert!(matches!(outcome(both.authenticate(&token, None).await), Outcome::Refused(_)));
}

#[tokio::test]
async fn of_a_name_that_both_have_only_the_accounts_user_counts() {
    let world = World::in_memory();
    world.add("alice", "wonderland").await;
    let both = with_file(&world, &[("alice", "builder")], 4);
    let wrong = refused("the password is wrong");
    for _ in 0..2 {
        assert_eq!(login_from(&both, HOME, "alice", "builder").await, wrong, "no falling through");
    }
    assert_eq!(login_from(&both, HOME, "alice", "wonderland").await, is("alice"));
    world.accounts.set_disabled(&user("alice"), true).await.expect("disabled");
    let disabled = refused("the user is disabled");
    assert_eq!(login_from(&both, HOME, "alice", "builder").await, disabled);
    assert_eq!(login_from(&both, HOME, "alice", "wonderland").await, disabled);
    world.accounts.remove_user(&user("alice")).await.expect("removed");
    assert_eq!(login_from(&both, HOME, "alice", "builder").await, is("alice"), "in the file now");
}

#[tokio::test]
async fn a_secret_that_starts_as_keys_do_is_never_a_password_of_the_file() {
    let world = World::in_memory();
    let key = world.key("project:acme").await;
    let users = [("bob", "ocir_builder"), ("acme", key.secret.expose())];
    let both = with_file(&world, &users, 4);
    let unknown = refused("it starts as keys do, and is of no known kind");
    assert_eq!(login_from(&both, HOME, "bob", "ocir_builder").await, unknown);
    let who = both.authenticate(&basic("acme", key.secret.expose()), None).await.expect("acme");
    assert_eq!(who.principal.kind(), PrincipalKind::Project);
    world.accounts.revoke_key(&key.key.id).await.expect("revoked");
    let revoked = login_from(&both, HOME, "acme", key.secret.expose()).await;
    assert_eq!(revoked, refused("the key is revoked"));
}

#[tokio::test]
async fn users_of_the_file_get_no_refresh_tokens() {
    let world = World::in_memory();
    let both = with_file(&world, &[("bob", "builder")], 4);
    let who = both.authenticate(&basic("bob", "builder"), None).await.expect("bob");
    let token = RefreshTokens::issue(&world.accounts, &who.principal).await.expect("it works");
    assert!(token.is_none());
}

#[tokio::test]
async fn whoever_was_wrong_too_often_waits_for_both() {
    let world = World::in_memory();
    world.add("alice", "wonderland").await;
    let both = with_file(&world, &[("bob", "builder")], 4);
    for name in ["alice", "bob"].repeat(5) {
        login_from(&both, HOME, name, "wrong").await;
    }
    for (name, password) in [("alice", "wonderland"), ("bob", "builder")] {
        world.calls.take();
        let throttled = login_from(&both, HOME, name, password).await;
        assert!(matches!(throttled, Outcome::Throttled(_)), "{throttled:?}");
        assert_eq!(world.calls.take(), [], "the store is not asked");
        assert_eq!(login_from(&both, AWAY, name, password).await, is(name));
    }
}

#[tokio::test]
async fn others_at_the_same_address_lock_out_no_user_of_either_at_home() {
    let world = World::in_memory();
    world.add("alice", "wonderland").await;
    let both = with_file(&world, &[("bob", "builder")], 4);
    let logins = [("alice", "wonderland"), ("bob", "builder")];
    for (name, password) in logins {
        assert_eq!(login_from(&both, HOME, name, password).await, is(name));
    }
    for _ in 0..10 {
        let nobody = login_from(&both, HOME, "nobody", "wrong").await;
        assert_eq!(nobody, refused("there is no such user"));
    }
    for (name, password) in logins {
        assert_eq!(login_from(&both, HOME, name, password).await, is(name));
    }
}

/// A wrong password costs both hashes, wherever the user is and if it is nowhere.
#[tokio::test]
async fn time_does_not_tell_where_a_user_is() {
    let mut world = World::in_memory();
    world.accounts = world.of_cost(seen());
    world.add("alice", "wonderland").await;
    // As much as the accounts' hash, more or less.
    let both = with_file(&world, &[("bob", "builder")], 4);
    let tries = assert_the_same(["alice", "bob", "nobody"], async |name| {
        world.pass(60);
        let outcome = login_from(&both, HOME, name, "wrong-password").await;
        assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
    });
    tries.await;
}
