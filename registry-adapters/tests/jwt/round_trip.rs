//! What goes into a token comes out of it.

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use registry_adapters::jwt::JsonWebTokens;
use registry_core::{
    access::{Action, Grant, Resource},
    identity::{CredentialKind, Principal, PrincipalKind},
    ports::{TokenError, TokenIssuer},
    testing::ManualClock,
};
use serde_json::json;

use crate::support::{
    ISSUER, KINDS, SERVICE, World, alice, parts, pull, seconds, token, tokens, verify,
};

fn principals() -> impl Strategy<Value = Principal> {
    let credentials = prop::sample::select(vec![
        CredentialKind::None,
        CredentialKind::Password,
        CredentialKind::UserKey,
        CredentialKind::ProjectKey,
        CredentialKind::RunnerToken,
        CredentialKind::Other,
    ]);
    let id = prop::option::of("\\PC{1,20}");
    let groups = prop::collection::vec("\\PC{0,9}", 0..4);
    (prop::sample::select(KINDS.to_vec()), "\\PC{1,30}", credentials, id, groups).prop_map(
        |(kind, name, credential, id, groups)| {
            let principal = match kind {
                PrincipalKind::Anonymous => Principal::anonymous(),
                kind => Principal::new(kind, &name),
            };
            principal.with_credential(credential, id.as_deref()).with_groups(groups)
        },
    )
}

fn grants() -> impl Strategy<Value = Vec<Grant>> {
    let words = [Action::Pull, Action::Push, Action::Delete];
    let actions = prop::sample::subsequence(words.to_vec(), 0..=3);
    let repository = ("[a-z]{1,5}(/[a-z0-9]{1,5}){0,2}", actions)
        .prop_map(|(name, actions)| Grant::repository(&name.parse().expect("a name"), actions));
    let catalog = prop::sample::subsequence(vec![Action::Catalog], 0..=1)
        .prop_map(|actions| Grant::new(Resource::Registry, actions));
    prop::collection::vec(prop_oneof![4 => repository, 1 => catalog], 0..5)
}

fn all(principal: &Principal) -> impl PartialEq + std::fmt::Debug {
    let groups: Vec<String> = principal.groups().map(str::to_owned).collect();
    let id = principal.credential_id().map(str::to_owned);
    (principal.kind(), principal.id().to_owned(), principal.credential(), id, groups)
}

proptest! {
    #[test]
    fn a_token_says_what_was_put_into_it(principal in principals(), grants in grants()) {
        let world = World::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let verified = runtime.block_on(async {
            let issued = world.tokens.issue(&principal, &grants).await.expect("a token");
            verify(&world.tokens, issued.token.expose()).await
        });
        let verified = verified.expect("it is ours");
        prop_assert_eq!(all(&verified.principal), all(&principal));
        prop_assert_eq!(&*verified.grants, &*grants);
    }
}

#[tokio::test]
async fn a_token_is_written_as_the_token_protocol_has_it() {
    let world = World::new();
    let token = token(&world.tokens).await;
    let (header, mut claims) = parts(&token);
    // The thumbprint of the key, as other programs compute it.
    let kid = "3YZxBJ12jO3n_mXt_q-j_Z-TFP1vt-NiI3OCf-fEnHQ";
    let id = claims["jti"].take();
    assert_eq!(id.as_str().map(str::len), Some(22), "128 bits");
    assert_eq!(header, json!({"alg": "EdDSA", "typ": "oci-user+jwt", "kid": kid}));
    let start = ManualClock::START;
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "sub": "alice", "aud": SERVICE, "jti": null,
            "exp": start + 300, "nbf": start, "iat": start,
            "access": [{"type": "repository", "name": "team/app", "actions": ["pull"]}],
            "credential": {"kind": "other"},
        })
    );
    let anonymous = world.tokens.issue(&Principal::anonymous(), &[]).await.expect("a token");
    let (_, claims) = parts(anonymous.token.expose());
    assert_eq!((&claims["sub"], &claims["access"]), (&json!(""), &json!([])));
}

#[tokio::test]
async fn a_token_is_good_for_as_long_as_it_says_by_the_given_clock() {
    let world = World::new();
    world.clock.advance(Duration::from_millis(900));
    let tokens = tokens(&world.keys, &world.clock).with_lifetime(seconds(60)).expect("a time");
    let issued = tokens.issue(&alice(), &[]).await.expect("a token");
    assert_eq!(issued.issued, UNIX_EPOCH + seconds(ManualClock::START));
    assert_eq!(issued.lifetime, seconds(60));
    world.clock.advance(Duration::from_millis(59_099));
    assert!(verify(&tokens, issued.token.expose()).await.is_ok(), "the last millisecond");
    world.clock.advance(Duration::from_millis(1));
    assert!(verify(&tokens, issued.token.expose()).await.is_err());
}

#[test]
fn a_lifetime_is_between_a_minute_and_an_hour() {
    for (lifetime, is_one) in [(0, false), (59, false), (60, true), (3600, true), (3601, false)] {
        let world = World::new();
        let tokens: Result<JsonWebTokens, _> = world.tokens.with_lifetime(seconds(lifetime));
        assert_eq!(tokens.is_ok(), is_one, "{lifetime}");
    }
}

#[tokio::test]
async fn what_a_token_cannot_carry_is_an_error_that_says_so() {
    let world = World::new();
    let name = "a".parse().expect("a name");
    let tag = Resource::Tag(name, "v1".parse().expect("a tag"));
    let error = world.tokens.issue(&alice(), &[Grant::new(tag, [Action::Push])]).await;
    let Err(TokenError::Unavailable(why)) = error else { panic!("{error:?}") };
    assert!(why.to_string().contains("one tag alone"), "{why}");
    let error = world.tokens.issue(&alice(), &vec![pull(); 300]).await;
    assert!(matches!(error, Err(TokenError::TooLong)), "{error:?}");
}

#[tokio::test]
async fn no_two_tokens_are_the_same() {
    let world = World::new();
    assert_ne!(world.token().await, world.token().await);
}
