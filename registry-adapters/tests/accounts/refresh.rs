//! Refresh tokens.

use registry_adapters::accounts::{Accounts, SecretKind};
use registry_core::{
    credentials::Secret,
    identity::{CredentialKind, Principal, PrincipalKind},
    ports::RefreshTokens,
    testing::Call,
};

use crate::world::{DAY, Outcome, World, groups, is, outcome_of, refused, user};

crate::on_every_store! {
    a_refresh_token_is_its_user_again_and_again,
    only_those_with_a_password_of_the_store_get_one,
    a_refresh_token_ends_with_its_login,
    a_refresh_token_expires,
    a_user_has_so_many_and_the_one_that_nobody_used_goes,
    builds_of_one_day_log_out_no_host_that_came_back_on_another,
    where_all_were_used_the_one_goes_that_was_not_for_longest,
    a_use_is_noted_once_a_day,
    a_use_that_cannot_be_noted_is_one_all_the_same,
    a_refresh_token_for_a_login_that_just_ended_is_none,
}

pub(crate) async fn issue(accounts: &Accounts, principal: &Principal) -> Option<Secret> {
    RefreshTokens::issue(accounts, principal).await.expect("the store works")
}

pub(crate) async fn redeem(accounts: &Accounts, token: &Secret) -> Result<Principal, String> {
    match outcome_of(accounts.redeem(token).await) {
        Outcome::Is(_) => Ok(accounts.redeem(token).await.expect("as before")),
        Outcome::Refused(reason) => Err(reason),
        other => panic!("{other:?}"),
    }
}

async fn logged_in(world: &World) -> Principal {
    world.add("alice", "wonderland").await;
    world.who("alice", "wonderland").await.expect("alice")
}

async fn a_refresh_token_is_its_user_again_and_again(world: World) {
    let principal = logged_in(&world).await;
    let token = issue(&world.accounts, &principal).await.expect("a token");
    let staff = groups(&["staff"]);
    world.accounts.set_groups(&user("alice"), &staff).await.expect("changed");
    for server in [&world.accounts, &world.another()] {
        let who = redeem(server, &token).await.expect("alice");
        assert_eq!((who.kind(), who.id()), (PrincipalKind::User, "alice"));
        assert_eq!(who.credential(), CredentialKind::Password);
        assert_eq!(who.groups().collect::<Vec<_>>(), ["staff"], "as they are now");
    }
    // Only as what it is.
    let no_password = refused("a refresh token is no password");
    assert_eq!(world.login("alice", token.expose()).await, no_password);
    let key = world.key("user:alice").await;
    let no_token = redeem(&world.accounts, &key.secret).await;
    assert_eq!(no_token.expect_err("a key"), "a key is no refresh token");
}

async fn only_those_with_a_password_of_the_store_get_one(world: World) {
    let by_password = logged_in(&world).await;
    let key = world.key("user:alice").await;
    let by_key = world.who("alice", key.secret.expose()).await.expect("alice");
    let elsewhere = Principal::new(PrincipalKind::User, "alice");
    let in_a_file = elsewhere.clone().with_credential(CredentialKind::Password, None);
    let project = Principal::project(&"alice".parse().expect("a name"));
    let project = project.with_credential(CredentialKind::Password, by_password.credential_id());
    for other in [by_key, elsewhere, in_a_file, project, Principal::anonymous()] {
        assert!(issue(&world.accounts, &other).await.is_none(), "{other:?}");
    }
    assert!(issue(&world.accounts, &by_password).await.is_some());
}

async fn a_refresh_token_ends_with_its_login(world: World) {
    logged_in(&world).await;
    let (alice, accounts, password) = (user("alice"), &world.accounts, Secret::new("wonderland"));
    for way in ["password", "disabled", "revoked"] {
        let principal = world.who("alice", "wonderland").await.expect("alice");
        let token = issue(accounts, &principal).await.expect("a token");
        redeem(accounts, &token).await.expect(way);
        match way {
            "password" => accounts.set_password(&alice, &password).await.expect(way),
            "revoked" => accounts.revoke_refresh_tokens(&alice).await.expect(way),
            _ => {
                accounts.set_disabled(&alice, true).await.expect(way);
                redeem(accounts, &token).await.expect_err(way);
                accounts.set_disabled(&alice, false).await.expect(way);
            }
        }
        redeem(&world.another(), &token).await.expect_err(way);
        assert!(issue(accounts, &principal).await.is_none(), "{way}: of the login before");
        let kept = world.names().await;
        assert!(kept.iter().all(|name| !name.contains("/refresh/")), "{way}: {kept:?}");
    }
    assert_eq!(world.login("alice", "wonderland").await, is("alice"));
}

async fn a_refresh_token_expires(world: World) {
    let principal = logged_in(&world).await;
    let token = issue(&world.accounts, &principal).await.expect("a token");
    let days = Accounts::REFRESH_LIFETIME.as_secs() / DAY;
    let unused = issue(&world.accounts, &principal).await.expect("a token");
    // Whoever comes back in time may come back for as long again.
    for _ in 0..3 {
        world.pass(days * DAY - 1);
        redeem(&world.accounts, &token).await.expect("alice");
    }
    redeem(&world.accounts, &unused).await.expect_err("over long ago");
    world.pass(days * DAY);
    let over = redeem(&world.accounts, &token).await;
    assert_eq!(over.expect_err("over"), "the refresh token has expired");
    issue(&world.accounts, &principal).await.expect("another");
    let swept = redeem(&world.accounts, &token).await;
    assert_eq!(swept.expect_err("swept"), "the refresh token is not known");
}

async fn a_user_has_so_many_and_the_one_that_nobody_used_goes(world: World) {
    let principal = logged_in(&world).await;
    let mut tokens = Vec::new();
    for _ in 0..Accounts::MAX_REFRESH_TOKENS {
        tokens.push(issue(&world.accounts, &principal).await.expect("a token"));
    }
    world.pass(DAY);
    redeem(&world.another(), &tokens[0]).await.expect("the first, which a host lives on");
    for _ in 0..2 {
        issue(&world.accounts, &principal).await.expect("one that a build forgets");
    }
    for kept in [0, 3, Accounts::MAX_REFRESH_TOKENS - 1] {
        redeem(&world.accounts, &tokens[kept]).await.expect("a later one, or one in use");
    }
    for dropped in [1, 2] {
        redeem(&world.accounts, &tokens[dropped]).await.expect_err("not used for longest");
    }
}

async fn builds_of_one_day_log_out_no_host_that_came_back_on_another(world: World) {
    let principal = logged_in(&world).await;
    let host = issue(&world.accounts, &principal).await.expect("a token");
    world.pass(DAY);
    redeem(&world.accounts, &host).await.expect("on a second day");
    let mut builds = Vec::new();
    for _ in 0..300 {
        builds.push(issue(&world.accounts, &principal).await.expect("a token"));
    }
    redeem(&world.another(), &host).await.expect("a host that was there first");
    let (gone, kept) = builds.split_at(300 + 1 - Accounts::MAX_REFRESH_TOKENS);
    for build in [&gone[0], &gone[gone.len() - 1]] {
        redeem(&world.accounts, build).await.expect_err("an early build");
    }
    for build in [&kept[0], &kept[kept.len() - 1]] {
        redeem(&world.accounts, build).await.expect("a late build");
    }
}

async fn where_all_were_used_the_one_goes_that_was_not_for_longest(world: World) {
    let principal = logged_in(&world).await;
    let mut hosts = Vec::new();
    for _ in 0..Accounts::MAX_REFRESH_TOKENS {
        hosts.push(issue(&world.accounts, &principal).await.expect("a token"));
    }
    world.pass(DAY);
    for host in hosts.iter().rev() {
        redeem(&world.accounts, host).await.expect("on a second day");
    }
    let new = issue(&world.accounts, &principal).await.expect("a token");
    let (last, others) = hosts.split_last().expect("so many");
    redeem(&world.accounts, last).await.expect_err("the first that was used");
    for kept in [&new, &others[0], &others[others.len() - 1]] {
        redeem(&world.accounts, kept).await.expect("one of those that stay");
    }
}

async fn a_use_is_noted_once_a_day(world: World) {
    let principal = logged_in(&world).await;
    let token = issue(&world.accounts, &principal).await.expect("a token");
    let writes = async || {
        world.calls.take();
        for server in [&world.accounts, &world.another(), &world.accounts] {
            redeem(server, &token).await.expect("alice");
        }
        world.calls.take().iter().filter(|call| matches!(call, Call::Put(_))).count()
    };
    assert_eq!(writes().await, 0, "it is new");
    for _ in 0..3 {
        world.pass(DAY);
        assert_eq!(writes().await, 1);
    }
}

async fn a_use_that_cannot_be_noted_is_one_all_the_same(world: World) {
    let principal = logged_in(&world).await;
    let token = issue(&world.accounts, &principal).await.expect("a token");
    world.pass(DAY);
    world.calls.break_at(|call| matches!(call, Call::Put(_)));
    redeem(&world.accounts, &token).await.expect("alice");
    // Nor does it bring back what was revoked.
    world.calls.mend();
    world.accounts.revoke_refresh_tokens(&user("alice")).await.expect("revoked");
    redeem(&world.accounts, &token).await.expect_err("revoked");
    assert!(world.names().await.iter().all(|name| !name.contains("/refresh/")));
}

async fn a_refresh_token_for_a_login_that_just_ended_is_none(world: World) {
    let principal = logged_in(&world).await;
    world.accounts.set_disabled(&user("alice"), true).await.expect("disabled");
    assert!(issue(&world.accounts, &principal).await.is_none());
    assert!(world.names().await.iter().all(|name| !name.contains("/refresh/")));
}

#[tokio::test]
async fn a_malformed_refresh_token_is_refused_before_the_store_is_asked() {
    let world = World::in_memory();
    let principal = logged_in(&world).await;
    let token = issue(&world.accounts, &principal).await.expect("a token");
    let prefix = SecretKind::RefreshToken.prefix();
    world.calls.take();
    for wrong in [&token.expose()[1..], &token.expose()[..70], prefix, ""] {
        redeem(&world.accounts, &Secret::new(wrong)).await.expect_err(wrong);
    }
    assert_eq!(world.calls.take(), Vec::<Call>::new());
}
