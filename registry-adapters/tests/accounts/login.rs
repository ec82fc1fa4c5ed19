//! Passwords, and whoever says nothing.

use futures::future::join_all;
use registry_adapters::accounts::CreatedKey;
use registry_core::{
    access::Scope,
    credentials::{Credentials, Secret},
    identity::{CredentialKind, Principal, PrincipalKind},
    ports::Authenticator,
};

use crate::{
    log,
    world::{World, basic, is, outcome, refused, user},
};

crate::on_every_store! {
    a_right_password_is_its_user_and_may_use_all_of_it,
    what_is_wrong_is_refused,
    the_requests_of_a_pull_cost_one_hash,
}

async fn a_right_password_is_its_user_and_may_use_all_of_it(world: World) {
    world.add("alice", "wonderland").await;
    let who = world.accounts.authenticate(&basic("alice", "wonderland"), None).await;
    let who = who.expect("alice");
    assert_eq!((who.principal.kind(), who.principal.id()), (PrincipalKind::User, "alice"));
    assert_eq!(who.principal.credential(), CredentialKind::Password);
    assert_eq!(who.scope, Scope::Full);
}

/// For the log. The client is told none of it.
#[tokio::test]
async fn who_is_refused_is_told_where_they_are_known_and_what_was_typed_is_not() {
    let world = World::in_memory();
    for name in ["alice", "disabled"] {
        world.add(name, "wonderland").await;
    }
    world.accounts.set_disabled(&user("disabled"), true).await.expect("disabled");
    let (alices, revoked) = (world.key("user:alice").await, world.key("project:acme").await);
    let runners = world.key("runner:acme/app").await;
    world.accounts.revoke_key(&revoked.key.id).await.expect("revoked");
    let gone = World::in_memory().key("project:acme").await;
    let key = |key: &CreatedKey| Some(key.key.id.to_string());
    for (name, secret, owner, id) in [
        ("alice", "wrong-password", "user:alice", None),
        ("disabled", "wonderland", "user:disabled", None),
        ("wonderland", "alice", "", None),
        ("bob", alices.secret.expose(), "user:alice", key(&alices)),
        ("acme", revoked.secret.expose(), "project:acme", key(&revoked)),
        ("", runners.secret.expose(), "runner:acme/app", key(&runners)),
        ("acme", gone.secret.expose(), "", None),
        ("alice", "ocir_user_x", "", None),
    ] {
        let refused = world.who(name, secret).await.expect_err(name);
        let whose = refused.whose();
        assert_eq!(whose.map(Principal::owner).unwrap_or_default(), owner, "{name}");
        assert_eq!(whose.and_then(|whose| whose.credential_id()).map(str::to_owned), id, "{name}");
    }
}

#[tokio::test]
async fn nothing_is_anonymous_and_a_token_is_refused() {
    let world = World::in_memory();
    let who = world.accounts.authenticate(&Credentials::Absent, None).await.expect("anonymous");
    assert_eq!(who.principal.kind(), PrincipalKind::Anonymous);
    let key = world.key("project:acme").await;
    for text in ["wonderland", key.secret.expose()] {
        let token = Credentials::Bearer(Secret::new(text));
        let outcome = outcome(world.accounts.authenticate(&token, None).await);
        assert_eq!(outcome, refused("it is not a user name and a password"));
    }
}

async fn what_is_wrong_is_refused(world: World) {
    world.add("alice", "wonderland").await;
    world.add("bob", "the-builder").await;
    let wrong = refused("the password is wrong");
    for password in ["the-builder", "", "wonderlan", "wonderland ", "Wonderland"] {
        assert_eq!(world.login("alice", password).await, wrong, "{password}");
    }
    let nobody = refused("there is no such user");
    for name in ["carol", "", "Alice", "anonymous", "alice/x"] {
        world.pass(60);
        assert_eq!(world.login(name, "wonderland").await, nobody, "{name}");
    }
    let long = refused("the password is longer than any");
    assert_eq!(world.login("alice", &"x".repeat(1025)).await, long);
    assert_eq!(world.login("bob", "the-builder").await, is("bob"));
}

async fn the_requests_of_a_pull_cost_one_hash(world: World) {
    // All worlds write one log.
    let name = format!("puller-{}", world.id);
    world.add(&name, "wonderland").await;
    let compared = || log::count(&["compared", &format!("user=\"{name}\"")]);
    let layers = join_all((0..20).map(|_| world.login(&name, "wonderland"))).await;
    assert!(layers.iter().all(|outcome| *outcome == is(&name)));
    if std::thread::available_parallelism().map_or(1, usize::from) <= 2 {
        assert_eq!(compared(), 1, "there is one turn at a time");
    }
    let before = compared();
    world.pass(59);
    assert_eq!(world.login(&name, "wonderland").await, is(&name));
    assert_eq!(compared(), before, "it is remembered");
    world.pass(1);
    assert_eq!(world.login(&name, "wonderland").await, is(&name));
    assert_eq!(compared(), before + 1, "for a minute");
}

#[tokio::test]
async fn what_is_remembered_lets_nobody_else_in_and_what_is_wrong_is_not() {
    let world = World::in_memory();
    world.add("reminder", "wonderland").await;
    world.add("other", "the-builder").await;
    assert_eq!(world.login("reminder", "wonderland").await, is("reminder"));
    let wrong = refused("the password is wrong");
    assert_eq!(world.login("other", "wonderland").await, wrong);
    for _ in 0..2 {
        assert_eq!(world.login("reminder", "the-builder").await, wrong);
    }
    assert_eq!(log::count(&["compared", "user=\"reminder\"", "right=false"]), 2);
    // The same password again is another hash, which nobody was compared with.
    let again = world.accounts.set_password(&user("reminder"), &Secret::new("wonderland")).await;
    again.expect("changed");
    let before = log::count(&["compared", "user=\"reminder\""]);
    assert_eq!(world.login("reminder", "wonderland").await, is("reminder"));
    assert_eq!(log::count(&["compared", "user=\"reminder\""]), before + 1);
}
