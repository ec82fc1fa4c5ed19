//! Whoever is told that a blob exists may rely on it: a collector that is about to take it away
//! must see that, or the answer must not be given.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use async_trait::async_trait;
use futures::executor::block_on;
use registry_core::{
    error::RegistryError,
    policy::AllowAll,
    ports::{BlobOptions, Fetched, Source, StoreError, StoreErrorKind},
    record::{BlobRecord, BlobState, LinkRecord, LinkState, Nonce, RecordKey, Typed},
    registry::{Mount, Registry},
    testing::{Call, Seeded, Tap},
};

use crate::{
    plain::PlainRecords,
    support::{Failing, Prepared, chunk, digest, name, user},
};

/// Changes a record as somebody else would, just before the registry first puts it.
struct Meanwhile {
    records: PlainRecords,
    key: RecordKey,
    done: AtomicBool,
}

#[async_trait]
impl Tap for Meanwhile {
    type Ticket = ();

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        if call == Call::Put(self.key.clone()) && !self.done.swap(true, SeqCst) {
            condemn_blob(&self.records, &self.key);
        }
        Ok(())
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}

fn read<T: Typed>(records: &PlainRecords, key: &RecordKey) -> T {
    let all = records.all();
    let (_, record) = all.iter().find(|(other, _)| other == key).expect("it is there");
    T::decode(record).expect("it is of this kind")
}

fn write(records: &PlainRecords, key: &RecordKey, value: &impl Typed) {
    records.adopt(key.clone(), value.encode(Nonce::new(&Seeded::new(7))));
}

fn condemn_blob(records: &PlainRecords, key: &RecordKey) {
    let mut blob: BlobRecord = read(records, key);
    blob.state = BlobState::Condemned;
    write(records, key, &blob);
}

/// The link of the shared blob in its repository.
fn link_key(records: &PlainRecords) -> RecordKey {
    let prefix = format!("link/{}/", digest(Prepared::SHARED));
    let mut keys = records.all().into_iter().map(|(key, _)| key);
    keys.find(|key| key.as_str().starts_with(&prefix)).expect("b has the blob")
}

async fn look(registry: &Registry) -> Result<(), RegistryError> {
    let mut options = BlobOptions::default();
    options.head = true;
    let digest = digest(Prepared::SHARED);
    let found = registry.blob(&user("alice"), &name("b"), &digest, &options).await?;
    assert!(matches!(found, Fetched::Found(_)), "{found:?}");
    Ok(())
}

async fn mount(registry: &Registry) -> Result<(), RegistryError> {
    let (digest, b) = (digest(Prepared::SHARED), name("b"));
    let mount = registry.mount_blob(&user("alice"), &name("a"), &digest, Some(&b)).await?;
    assert_eq!(mount, Mount::Mounted);
    Ok(())
}

async fn push(registry: &Registry) -> Result<(), RegistryError> {
    let (digest, bytes) = (digest(Prepared::SHARED), chunk(Prepared::SHARED));
    registry.push_blob(&user("alice"), &name("a"), &digest, bytes).await
}

#[test]
fn a_blob_that_is_condemned_while_its_time_is_renewed_becomes_live_again() {
    for does in ["look", "mount", "push"] {
        let prepared = Prepared::new();
        prepared.let_blobs_go_stale();
        let (records, key) = (prepared.records.clone(), RecordKey::blob(&digest(Prepared::SHARED)));
        let meanwhile = Arc::new(Meanwhile { records, key, done: AtomicBool::new(false) });
        let registry = prepared.registry_behind(&meanwhile, AllowAll);
        let answered = match does {
            "look" => block_on(look(&registry)),
            "mount" => block_on(mount(&registry)),
            _ => block_on(push(&registry)),
        };
        answered.unwrap_or_else(|error| panic!("{does}: {error:?}"));
        assert!(meanwhile.done.load(SeqCst), "{does}: the collector came between");
        let blob: BlobRecord = read(&prepared.records, &meanwhile.key);
        assert_eq!(blob.state, BlobState::Live, "{does}");
    }
}

#[test]
fn a_look_at_a_blob_brings_its_condemned_link_back() {
    let prepared = Prepared::new();
    let (records, registry) = (&prepared.records, prepared.registry(AllowAll));
    let key = link_key(records);
    let mut link: LinkRecord = read(records, &key);
    link.state = LinkState::Condemned;
    write(records, &key, &link);
    let (alice, b, digest) = (user("alice"), name("b"), digest(Prepared::SHARED));
    let got = block_on(registry.blob(&alice, &b, &digest, &BlobOptions::default()));
    assert!(matches!(got, Ok(Fetched::Found(_))), "a condemned link still holds: {got:?}");
    assert_eq!(read::<LinkRecord>(records, &key).state, LinkState::Condemned);

    block_on(look(&registry)).expect("it is there");
    assert_eq!(read::<LinkRecord>(records, &key).state, LinkState::Live);
}

#[test]
fn a_look_at_an_old_blob_is_answered_where_nothing_can_be_written_unless_it_is_condemned() {
    let prepared = Prepared::new();
    prepared.let_blobs_go_stale();
    let registry = prepared.registry_behind(
        &Failing::on(|call| {
            // The disk has no room.
            matches!(call, Call::Put(_)).then_some(StoreErrorKind::Full)
        }),
        AllowAll,
    );
    block_on(look(&registry)).expect("reads go on");

    let (records, blob) = (&prepared.records, RecordKey::blob(&digest(Prepared::SHARED)));
    condemn_blob(records, &blob);
    let refused = block_on(look(&registry)).expect_err("it may be gone soon");
    assert!(matches!(refused, RegistryError::Storage(_)), "{refused:?}");
}
