//! Whose an upload is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{TryStreamExt, executor::block_on};
use registry_core::{
    error::RegistryError,
    identity::{Caller, Principal, PrincipalKind},
    name::RepositoryName,
    policy::{AllowAll, Rules},
    ports::{Clock, ContentId, StoreError, StoreErrorKind},
    record::{Nonce, RecordKey, Typed, UploadRecord},
    registry::{Registry, UploadSession},
    testing::{Call, Seeded, Tap},
};

use crate::{
    plain::PlainRecords,
    support::{Failing, Prepared, chunk, digest, name, user},
};

/// Everything there is to be done with an upload.
fn tries(
    registry: &Registry,
    caller: &Caller,
    repository: &RepositoryName,
    id: &ContentId,
) -> [Result<(), RegistryError>; 4] {
    let whole = digest("begun, stolen");
    [
        block_on(registry.upload_status(caller, repository, id)).map(drop),
        block_on(registry.append_upload(caller, repository, id, chunk("stolen"))).map(drop),
        block_on(registry.close_upload(caller, repository, id, &whole, chunk("stolen"))),
        block_on(registry.cancel_upload(caller, repository, id)),
    ]
}

#[track_caller]
fn assert_unknown(registry: &Registry, caller: &Caller, repository: &str, id: &ContentId) {
    for tried in tries(registry, caller, &name(repository), id) {
        assert!(matches!(tried, Err(RegistryError::UploadUnknown)), "{caller:?}: {tried:?}");
    }
}

#[test]
fn an_upload_is_unknown_to_everybody_but_who_opened_it_and_unharmed_by_them() {
    let (prepared, a) = (Prepared::new(), name("a"));
    let (registry, id) = (prepared.registry(AllowAll), prepared.upload);
    let before = prepared.stored();
    let service = Caller::new(Principal::new(PrincipalKind::Service, "alice"), "");
    for other in [user("bob"), user("alice2"), user(""), service, Caller::anonymous()] {
        assert_unknown(&registry, &other, "a", &id);
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

#[test]
fn an_upload_is_unknown_in_every_repository_but_its_own() {
    let prepared = Prepared::new();
    let (registry, id, before) = (prepared.registry(AllowAll), prepared.upload, prepared.stored());
    for other in ["b", "nowhere"] {
        assert_unknown(&registry, &user("alice"), other, &id);
    }
    assert_eq!(prepared.stored(), before);
}

#[test]
fn an_upload_that_was_cancelled_is_unknown_to_whoever_opened_it_and_leaves_nothing() {
    let prepared = Prepared::new();
    let (registry, id) = (prepared.registry(AllowAll), prepared.upload);
    block_on(registry.cancel_upload(&user("alice"), &name("a"), &id)).expect("it is hers");
    assert_unknown(&registry, &user("alice"), "a", &id);
    assert!(!format!("{:?}", prepared.stored()).contains("upload/"), "its record is gone");
}

#[test]
fn an_upload_expires_when_it_is_used_too_late_without_any_sweep() {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let (alice, a) = (user("alice"), name("a"));
    // Every way of using it too late drops it.
    for which in 0..4 {
        let prepared = Prepared::new();
        let registry = prepared.builder(AllowAll).upload_expiry(HOUR).build();
        let id = block_on(registry.open_upload(&alice, &a, None)).expect("everybody may").id;
        prepared.clock.advance(HOUR - Duration::from_millis(1));
        // In time: that puts it off.
        block_on(registry.append_upload(&alice, &a, &id, chunk("begun, "))).expect("in time");
        prepared.clock.advance(HOUR - Duration::from_millis(1));
        block_on(registry.upload_status(&alice, &a, &id)).expect("in time");
        prepared.clock.advance(Duration::from_millis(1));
        let late = match which {
            0 => block_on(registry.upload_status(&alice, &a, &id)).map(drop),
            1 => block_on(registry.append_upload(&alice, &a, &id, chunk("more"))).map(drop),
            2 => {
                let whole = digest("begun, ended");
                block_on(registry.close_upload(&alice, &a, &id, &whole, chunk("ended")))
            }
            _ => block_on(registry.cancel_upload(&alice, &a, &id)),
        };
        assert!(matches!(late, Err(RegistryError::UploadUnknown)), "{which}: {late:?}");
        let listed = uploads(&registry, &alice).expect("everybody may");
        assert!(listed.iter().all(|session| session.id != id), "{which}: it was dropped");
    }
}

/// Puts the expiry of an upload off, as a request that is under way does, just before the registry
/// first writes its record.
struct GoesOn {
    records: PlainRecords,
    key: RecordKey,
    done: AtomicBool,
}

#[async_trait]
impl Tap for GoesOn {
    type Ticket = ();

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        if call == Call::Put(self.key.clone()) && !self.done.swap(true, SeqCst) {
            let all = self.records.all();
            let (_, record) = all.iter().find(|(key, _)| *key == self.key).expect("it is there");
            let mut upload = UploadRecord::decode(record).expect("it is an upload");
            upload.expires = upload.expires.plus(Duration::from_secs(60));
            self.records.adopt(self.key.clone(), upload.encode(Nonce::new(&Seeded::new(7))));
        }
        Ok(())
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}

#[test]
fn an_upload_that_goes_on_just_when_it_expires_is_not_dropped() {
    let prepared = Prepared::new();
    let (records, key) = (prepared.records.clone(), RecordKey::upload(&prepared.upload));
    let goes_on = Arc::new(GoesOn { records, key, done: AtomicBool::default() });
    let registry = prepared.registry_behind(&goes_on, AllowAll);
    prepared.clock.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(block_on(registry.discard_expired_uploads()).expect("nothing fails"), 0);
    assert!(goes_on.done.load(SeqCst), "it was about to be dropped");
    let (alice, a, whole) = (user("alice"), name("a"), digest("begun, ended"));
    let closed = registry.close_upload(&alice, &a, &prepared.upload, &whole, chunk("ended"));
    block_on(closed).expect("it has all its bytes");
}

#[test]
fn an_upload_that_cannot_be_dropped_keeps_no_other_from_it() {
    let prepared = Prepared::new();
    let open = || block_on(prepared.registry(AllowAll).open_upload(&user("bob"), &name("b"), None));
    let others = [open().expect("everybody may").id, open().expect("everybody may").id];
    prepared.clock.advance(Duration::from_secs(24 * 60 * 60));
    // The first of the three.
    let first = others.into_iter().chain([prepared.upload]).min().expect("there are three");
    let fails = Failing::on(move |call| {
        (*call == Call::Put(RecordKey::upload(&first))).then_some(StoreErrorKind::Other)
    });
    let registry = prepared.registry_behind(&fails, AllowAll);
    assert_eq!(block_on(registry.discard_expired_uploads()).expect("they are listed"), 2);
    let again = block_on(prepared.registry(AllowAll).discard_expired_uploads());
    assert_eq!(again.expect("nothing fails"), 1, "it is dropped the next time");
}

fn uploads(registry: &Registry, caller: &Caller) -> Result<Vec<UploadSession>, RegistryError> {
    block_on(async { registry.uploads(caller).await?.entries.try_collect().await })
}

/// Everybody pushes, and root looks after it.
fn rules() -> Rules {
    let json = r#"{"rule": [
        {"who": ["everybody"], "repositories": ["**"], "actions": ["pull", "push", "create"]},
        {"who": ["user:mallory"], "repositories": ["a/**"], "actions": ["admin"]},
        {"who": ["user:root"], "repositories": ["**"], "actions": ["admin"]}
    ]}"#;
    serde_json::from_str(json).expect("rules")
}

#[test]
fn whoever_looks_after_the_registry_sees_all_uploads_and_cancels_any() {
    let prepared = Prepared::new();
    let registry = prepared.registry(rules());
    let open = |who: &Caller| {
        block_on(registry.open_upload(who, &name("b"), None)).expect("everybody may").id
    };
    let (bobs, nobodys) = (open(&user("bob")), open(&Caller::anonymous()));
    let root = user("root");
    let mut listed = uploads(&registry, &root).expect("root may");
    listed.sort_by(|one, other| other.owner.cmp(&one.owner));
    let [bob, alice, nobody] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((bob.id, &*bob.owner, bob.offset), (bobs, "user:bob", 0));
    let begun = Prepared::BEGUN.len() as u64;
    assert_eq!((alice.id, &*alice.owner, alice.offset), (prepared.upload, "user:alice", begun));
    assert_eq!((nobody.id, &*nobody.owner), (nobodys, ""));
    assert!(bob.repository == nobody.repository && bob.repository != alice.repository);
    let (now, day) = (prepared.clock.now(), Duration::from_secs(24 * 60 * 60));
    assert_eq!(std::time::SystemTime::from(alice.expires), now + day);

    let before = prepared.stored();
    for refused in [user("alice"), user("mallory"), Caller::anonymous()] {
        assert!(matches!(uploads(&registry, &refused), Err(RegistryError::Denied)));
        for id in [bobs, ContentId::new(&registry_core::testing::Seeded::new(77))] {
            let tried = block_on(registry.cancel_any_upload(&refused, &id));
            assert!(matches!(tried, Err(RegistryError::Denied)), "{refused:?}: {tried:?}");
        }
        assert_eq!(prepared.stored(), before);
    }

    block_on(registry.cancel_any_upload(&root, &prepared.upload)).expect("root may");
    assert_unknown(&registry, &user("alice"), "a", &prepared.upload);
    let again = block_on(registry.cancel_any_upload(&root, &prepared.upload));
    assert!(matches!(again, Err(RegistryError::UploadUnknown)), "{again:?}");
    let left: Vec<_> = uploads(&registry, &root).expect("root may");
    assert_eq!(left.len(), 2, "{left:?}");
    block_on(registry.upload_status(&user("bob"), &name("b"), &bobs)).expect("it is untouched");
}
