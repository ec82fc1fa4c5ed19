//! What a client is told when the storage fails.

use futures::executor::block_on;
use registry_core::{error::RegistryError, policy::AllowAll, ports::StoreErrorKind, testing::Call};

use crate::support::{Failing, Prepared, chunk, digest, name, user};

#[test]
fn a_push_that_fails_is_answered_with_its_own_failure() {
    let prepared = Prepared::new();
    let registry = prepared.registry_behind(
        &Failing::on(|call| {
            // It deletes no content.
            matches!(call, Call::DeleteContent(_)).then_some(StoreErrorKind::Other)
        }),
        AllowAll,
    );
    let (alice, a, right) = (user("alice"), name("a"), digest("right"));
    let pushed = block_on(registry.push_blob(&alice, &a, &right, chunk("wrong")));
    assert!(matches!(pushed, Err(RegistryError::DigestDiffers(d)) if d == right), "{pushed:?}");
}

#[test]
fn an_upload_whose_bytes_turn_out_to_be_lost_is_unknown_from_then_on() {
    let (alice, a, whole) = (user("alice"), name("a"), digest("begun, ended"));
    for closes in [false, true] {
        let prepared = Prepared::new();
        let registry = prepared.registry_behind(
            &Failing::on(|call| {
                // What lies below turns out to be lost at the first write.
                matches!(call, Call::Write(_)).then_some(StoreErrorKind::Lost)
            }),
            AllowAll,
        );
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
