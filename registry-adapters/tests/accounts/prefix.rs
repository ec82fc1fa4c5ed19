//! No credential that the server issues or takes starts with the reserved prefix, but keys and
//! refresh tokens; and of those, each with the prefix of its kind.

use base64::Engine;
use proptest::prelude::*;
use registry_adapters::accounts::{AccountsError, PasswordError, RESERVED_PREFIX, SecretKind};
use registry_core::credentials::Secret;

use crate::world::{World, user};

#[tokio::test]
async fn every_secret_starts_with_the_prefix_of_its_kind_and_of_no_other() {
    let world = World::in_memory();
    world.add("alice", "wonderland").await;
    let who = world.who("alice", "wonderland").await.expect("alice");
    let secrets = [
        (SecretKind::UserKey, world.key("user:alice").await.secret),
        (SecretKind::ProjectKey, world.key("project:acme").await.secret),
        (SecretKind::RunnerToken, world.key("runner:acme/app").await.secret),
        (
            SecretKind::RefreshToken,
            crate::refresh::issue(&world.accounts, &who).await.expect("a token"),
        ),
    ];
    assert_eq!(secrets.len(), SecretKind::ALL.len());
    for (kind, secret) in secrets {
        assert!(kind.prefix().starts_with(RESERVED_PREFIX));
        for other in SecretKind::ALL {
            assert_eq!(secret.expose().starts_with(other.prefix()), other == kind, "{other:?}");
        }
        let random = secret.expose().len() - kind.prefix().len() - 6;
        assert!(random >= 30, "178 random bits and more in {random} characters");
    }
}

proptest! {
    /// RFC 7515 section 3.1: a JWS in compact form starts with the base64url of a JSON object.
    #[test]
    fn no_token_of_json_starts_with_it(header in "[{]\"[ -~]{0,40}") {
        let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header);
        prop_assert!(token.starts_with("ey"));
        prop_assert!(!token.starts_with(RESERVED_PREFIX));
    }

    #[test]
    fn no_password_that_starts_with_it_is_taken(rest in "[ -~]{3,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let world = World::in_memory();
        let password = Secret::new(format!("{RESERVED_PREFIX}{rest}"));
        let added = runtime.block_on(world.accounts.add_user(&user("alice"), &password, &[]));
        let reserved = matches!(added, Err(AccountsError::Password(PasswordError::Reserved)));
        prop_assert!(reserved, "{:?}", added);
    }
}
