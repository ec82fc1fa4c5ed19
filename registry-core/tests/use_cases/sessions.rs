//! Whose an upload is.

use futures::executor::block_on;
use registry_core::{
    error::RegistryError,
    identity::{Caller, Principal, PrincipalKind},
    policy::AllowAll,
};

use crate::support::{Prepared, chunk, digest, name, user};

#[test]
fn an_upload_is_unknown_to_everybody_but_who_opened_it_and_unharmed_by_them() {
    let (prepared, a) = (Prepared::new(), name("a"));
    let (registry, id) = (prepared.registry(AllowAll), prepared.upload);
    let before = prepared.stored();
    let service = Caller::new(Principal::new(PrincipalKind::Service, "alice"), "");
    for other in [user("bob"), user("alice2"), user(""), service, Caller::anonymous()] {
        let whole = digest("begun, stolen");
        let tried = [
            block_on(registry.upload_status(&other, &a, &id)).map(drop),
            block_on(registry.append_upload(&other, &a, &id, chunk("stolen"))).map(drop),
            block_on(registry.close_upload(&other, &a, &id, &whole, chunk("stolen"))),
            block_on(registry.cancel_upload(&other, &a, &id)),
        ];
        for tried in tried {
            assert!(matches!(tried, Err(RegistryError::UploadUnknown)), "{other:?}: {tried:?}");
        }
        assert_eq!(prepared.stored(), before, "{other:?}");
    }
    let whole = digest("begun, ended");
    let alice = user("alice");
    let closed = block_on(registry.close_upload(&alice, &a, &id, &whole, chunk("ended")));
    closed.expect("it goes on where it was");
}

#[test]
fn a_user_of_that_name_is_not_the_anonymous_principal() {
    let (prepared, a) = (Prepared::new(), name("a"));
    let registry = prepared.registry(AllowAll);
    let opened = block_on(registry.open_upload(&Caller::anonymous(), &a, None));
    let id = opened.expect("everybody may").id;
    for other in [user("anonymous"), user("")] {
        let status = block_on(registry.upload_status(&other, &a, &id));
        assert!(matches!(status, Err(RegistryError::UploadUnknown)), "{other:?}: {status:?}");
    }
    block_on(registry.upload_status(&Caller::anonymous(), &a, &id)).expect("it is theirs");
}
