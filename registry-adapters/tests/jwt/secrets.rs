//! Neither keys nor tokens are shown.

use std::sync::Arc;

use registry_adapters::jwt::KeyRing;
use registry_core::ports::TokenIssuer;
use tempfile::TempDir;

use crate::support::{PEM, SEED, World, alice, pull, reason, write};

#[tokio::test]
async fn no_key_and_no_token_is_in_what_is_shown() {
    let world = World::new();
    let issued = world.tokens.issue(&alice(), &[pull()]).await.expect("a token");
    let token = issued.token.expose();
    let mut shown = format!("{:?} {:#?} {:?} {issued:?}", world.tokens, world.tokens, world.keys);
    let cut = &token[..token.len() - 1];
    shown += &reason(&world.tokens, cut).await;
    let directory = TempDir::new().expect("a directory");
    for (text, mode) in [(PEM, 0o644), (&PEM[..PEM.len() - 5], 0o600), (&PEM[..90], 0o600)] {
        let file = write(directory.path(), "key", text, mode);
        let error = KeyRing::from_pem_file(&file, Arc::clone(&world.clock)).expect_err("wrong");
        shown += &format!("{error} {error:?}");
    }
    assert!(shown.contains("registry.example"), "{shown}");
    let [_, secret, _] = *PEM.lines().collect::<Vec<_>>() else { panic!("three lines") };
    for canary in token.split('.').chain([&secret[20..40], &SEED[..16], "ed25519\n"]) {
        assert!(!shown.contains(canary), "{canary} in {shown}");
    }
}
