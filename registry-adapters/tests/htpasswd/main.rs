//! Users from an htpasswd file: who is let in, who has to wait, and what is told of it.
#![expect(clippy::disallowed_methods, reason = "the real time that a refusal takes is measured")]

mod limits;
#[path = "../support/log.rs"]
mod log;
mod reading;
mod secrets;
mod support;
#[path = "../support/rounds.rs"]
mod timing;

use futures::future::join_all;
use registry_core::{
    access::Scope,
    credentials::{Credentials, Secret},
    identity::{Principal, PrincipalKind},
    ports::{AuthenticationError, Authenticator},
};
use support::{HOME, World, basic, line, outcome};

use crate::support::Outcome;

#[tokio::test]
async fn a_user_with_the_right_password_is_that_user_and_may_use_all_of_it() {
    let world = World::new(&line("alice", "wonder"));
    let who = world.htpasswd.authenticate(&basic("alice", "wonder"), None).await.expect("alice");
    assert_eq!((who.principal.kind(), who.principal.id()), (PrincipalKind::User, "alice"));
    assert_eq!(who.scope, Scope::Full);
}

#[tokio::test]
async fn nothing_is_anonymous_and_a_token_is_refused() {
    let world = World::new(&line("alice", "wonder"));
    let who = world.htpasswd.authenticate(&Credentials::Absent, None).await.expect("anonymous");
    assert_eq!(who.principal.kind(), PrincipalKind::Anonymous);
    let token = Credentials::Bearer(Secret::new("wonder"));
    assert_eq!(outcome(world.htpasswd.authenticate(&token, None).await), Outcome::Refused);
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let world = World::new(&(line("alice", "wonder") + &line("bob", "builder")));
    for (name, password) in
        [("alice", "builder"), ("alice", ""), ("Alice", "wonder"), ("", "wonder"), ("carol", "x")]
    {
        assert!(!world.is_right(name, password).await, "{name} {password}");
    }
    assert!(world.is_right("bob", "builder").await);
}

#[tokio::test]
async fn a_password_is_not_cut_where_bcrypt_ends() {
    let longest = "0".repeat(72);
    // What other programs make of a longer password, too.
    let world = World::new(&(line("alice", &longest) + &line("bob", "ab")));
    assert!(world.is_right("alice", &longest).await);
    assert!(!world.is_right("alice", &(longest.clone() + "0")).await);
    assert!(!world.is_right("alice", &longest[1..]).await);
    // bcrypt repeats the password with the zero byte that ends it.
    assert!(world.is_right("bob", "ab").await);
    assert!(!world.is_right("bob", "ab\0ab").await);
}

#[tokio::test]
async fn a_password_that_starts_as_keys_do_is_refused() {
    let world = World::new(&(line("keyed", "ocir_user_wonder") + &line("upper", "OCIR_wonder")));
    assert!(!world.is_right("keyed", "ocir_user_wonder").await);
    assert!(world.is_right("upper", "OCIR_wonder").await);
    let refusal = world.htpasswd.authenticate(&basic("keyed", "ocir_user_wonder"), None).await;
    let Err(AuthenticationError::Refused { reason, .. }) = refusal else { panic!("{refusal:?}") };
    assert!(reason.contains("starts as keys do"), "{reason}");
}

/// For the log: where there is such a user, since others type a password there.
#[tokio::test]
async fn who_is_refused_is_told_where_there_is_such_a_user() {
    let world = World::new(&line("alice", "wonder"));
    for (name, password, whose) in [("alice", "wrong", Some("alice")), ("wonder", "alice", None)] {
        let refusal = world.htpasswd.authenticate(&basic(name, password), None).await;
        let refusal = refusal.expect_err("refused");
        assert_eq!(refusal.whose().map(Principal::id), whose);
    }
}

#[tokio::test]
async fn the_requests_of_a_pull_cost_one_hash() {
    let world = World::new(&line("puller", "wonder"));
    let compared = || log::count(&["compared", "user=\"puller\""]);
    let layers = join_all((0..20).map(|_| world.is_right("puller", "wonder"))).await;
    assert!(layers.iter().all(|right| *right));
    if std::thread::available_parallelism().map_or(1, usize::from) <= 2 {
        assert_eq!(compared(), 1, "there is one turn at a time");
    }
    let before = compared();
    world.pass(59);
    assert!(world.is_right("puller", "wonder").await);
    assert_eq!(compared(), before, "it is remembered");
    world.pass(1);
    assert!(world.is_right("puller", "wonder").await);
    assert_eq!(compared(), before + 1, "for a minute");
}

#[tokio::test]
async fn what_is_remembered_lets_nobody_else_in_and_what_is_wrong_is_not() {
    let world = World::new(&(line("reminder", "wonder") + &line("other", "builder")));
    assert!(world.is_right("reminder", "wonder").await);
    assert!(!world.is_right("reminder", "builder").await);
    assert!(!world.is_right("other", "wonder").await);
    let compared = log::count(&["compared", "user=\"reminder\"", "right=false"]);
    assert!(!world.is_right("reminder", "builder").await);
    let again = log::count(&["compared", "user=\"reminder\"", "right=false"]);
    assert_eq!((compared, again), (1, 2));
}

#[tokio::test]
async fn a_client_without_an_address_is_looked_at_too() {
    let world = World::new(&line("alice", "wonder"));
    for _ in 0..10 {
        let wrong = world.htpasswd.authenticate(&basic("alice", "x"), None).await;
        assert_eq!(outcome(wrong), Outcome::Refused);
    }
    let right = world.htpasswd.authenticate(&basic("alice", "wonder"), None).await;
    assert!(matches!(outcome(right), Outcome::Throttled(_)));
    assert!(matches!(world.try_from(HOME, "alice", "wonder").await, Outcome::Throttled(_)));
}
