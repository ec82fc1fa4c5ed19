//! What a client is told when the storage fails.

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

/// A store that finds at the first write that what lies below is lost.
struct LosesContents;

#[async_trait]
impl Tap for LosesContents {
    type Ticket = ();

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        match call {
            Call::Write(_) => Err(StoreErrorKind::Lost.into()),
            _ => Ok(()),
        }
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}

#[test]
fn an_upload_whose_bytes_turn_out_to_be_lost_is_unknown_from_then_on() {
    let (alice, a, whole) = (user("alice"), name("a"), digest("begun, ended"));
    for closes in [false, true] {
        let prepared = Prepared::new();
        let registry = prepared.registry_behind(&Arc::new(LosesContents), AllowAll);
        let id = prepared.upload;
        let lost = if closes {
            block_on(registry.close_upload(&alice, &a, &id, &whole, chunk("ended")))
        } else {
            block_on(registry.append_upload(&alice, &a, &id, chunk("more"))).map(drop)
        };
        assert!(matches!(lost, Err(RegistryError::UploadUnknown)), "{lost:?}");
        let status = block_on(prepared.registry(AllowAll).upload_status(&alice, &a, &id));
        assert!(matches!(status, Err(RegistryError::UploadUnknown)), "{status:?}");
    }
}
