//! What a client is told when cleaning up fails too.

use std::sync::Arc;

use async_trait::async_trait;
use futures::executor::block_on;
use registry_core::{
    error::RegistryError,
    policy::AllowAll,
    ports::{StoreError, StoreErrorKind},
    testing::{Call, Tap},
};

use crate::support::{Prepared, chunk, digest, name, user};

/// A store that deletes no content.
struct KeepsContents;

#[async_trait]
impl Tap for KeepsContents {
    type Ticket = ();

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        match call {
            Call::DeleteContent(_) => Err(StoreErrorKind::Other.into()),
            _ => Ok(()),
        }
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}

#[test]
fn a_push_that_fails_is_answered_with_its_own_failure() {
    let prepared = Prepared::new();
    let registry = prepared.registry_behind(&Arc::new(KeepsContents), AllowAll);
    let (alice, a, right) = (user("alice"), name("a"), digest("right"));
    let pushed = block_on(registry.push_blob(&alice, &a, &right, chunk("wrong")));
    assert!(matches!(pushed, Err(RegistryError::DigestDiffers(d)) if d == right), "{pushed:?}");
}
