//! What went wrong in other registries, under its number: it must not go wrong here.

use registry_core::{
    access::{Access, Action},
    identity::Principal,
    policy::PolicyFile,
    ports::{Authorizer, Question, Verdict},
};

use crate::{
    refresh::{issue, redeem},
    world::{World, groups, user},
};

crate::on_every_store! {
    cve_2025_23208_a_group_that_was_taken_away_is_gone_with_the_next_login,
}

async fn may_pull(principal: &Principal) -> bool {
    const POLICY: &str = r#"{"rule": [
        {"who": ["group:staff"], "repositories": ["**"], "actions": ["pull"]}
    ]}"#;
    let policy: PolicyFile = serde_json::from_str(POLICY).expect("a policy");
    let question = Access::repository(Action::Pull, &"team/app".parse().expect("a name"));
    let decided = policy.authorize(principal, &[Question::new(question)]).await;
    decided.expect("it decides")[0].verdict == Verdict::Allow
}

/// zot added the groups of each login to those of the one before, and took none away.
async fn cve_2025_23208_a_group_that_was_taken_away_is_gone_with_the_next_login(world: World) {
    world.add("alice", "wonderland").await;
    let set = async |names: &[&str]| {
        world.accounts.set_groups(&user("alice"), &groups(names)).await.expect("changed");
    };
    set(&["staff", "visitors"]).await;
    let alice = world.who("alice", "wonderland").await.expect("alice");
    let refresh_token = issue(&world.accounts, &alice).await.expect("a refresh token");
    let key = world.key("user:alice").await.secret;
    assert!(may_pull(&alice).await);
    set(&["visitors"]).await;
    let by_password = world.who("alice", "wonderland").await.expect("alice");
    let by_key = world.who("alice", key.expose()).await.expect("alice");
    let refreshed = redeem(&world.accounts, &refresh_token).await.expect("alice");
    for alice in [by_password, by_key, refreshed] {
        assert_eq!(alice.groups().collect::<Vec<_>>(), ["visitors"]);
        assert!(!may_pull(&alice).await, "{:?}", alice.credential());
    }
}
