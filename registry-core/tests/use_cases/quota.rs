//! What a namespace may keep and send.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, executor::block_on, stream, task::noop_waker_ref};
use registry_core::{
    error::{BodyError, ErrorCode, RegistryError},
    identity::Caller,
    policy::AllowAll,
    ports::{
        BlobOptions, Clock, Limit, LimitKey, RateLimiter, Source, StoreError, StoreErrorKind,
        Subject, SubjectKind, Taken,
    },
    reference::Reference,
    registry::{Builder, Chunk, ManifestUpload, Mount, Registry},
    testing::{Faults, Sample},
};

use crate::support::{Prepared, body, by_tag, chunk, digest, name, user};

/// Room for so many bytes of each sort in each namespace, and how many times it was asked.
#[derive(Default)]
pub(crate) struct Room {
    left: Mutex<BTreeMap<(Limit, String), u64>>,
    /// How long to wait where there is none.
    wait: Option<Duration>,
    asked: Mutex<usize>,
}

impl Room {
    fn of(room: impl IntoIterator<Item = (Limit, &'static str, u64)>) -> Self {
        let left = room.into_iter().map(|(limit, name, bytes)| ((limit, name.to_owned()), bytes));
        Self { left: Mutex::new(left.collect()), ..Self::default() }
    }

    pub(crate) fn stored(bytes: u64) -> Arc<Self> {
        Arc::new(Self::of([(Limit::StoredBytes, "a", bytes)]))
    }

    pub(crate) fn left(&self, limit: Limit, namespace: &str) -> u64 {
        self.left.lock().unwrap()[&(limit, namespace.to_owned())]
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }

    /// Those of others are not limited.
    fn with<T>(&self, key: &LimitKey, change: impl FnOnce(&mut u64) -> T) -> Option<T> {
        let Subject::Namespace(name) = &key.subject else { panic!("{key:?}") };
        *self.asked.lock().unwrap() += 1;
        self.left.lock().unwrap().get_mut(&(key.limit, name.to_string())).map(change)
    }
}

#[async_trait]
impl RateLimiter for Room {
    fn limits(&self, _: Limit, _: SubjectKind) -> bool {
        true
    }

    async fn take(&self, key: &LimitKey, want: u64) -> Result<Taken, StoreError> {
        let taken = self.with(key, |left| {
            let taken = want.min(*left);
            *left -= taken;
            taken
        });
        Ok(match taken {
            Some(0) => {
                // So much comes back meanwhile.
                self.with(key, |left| *left += self.wait.map_or(0, |_| 1 << 20));
                Taken::Wait(self.wait.unwrap_or(Duration::MAX))
            }
            taken => Taken::Granted(taken.unwrap_or(want)),
        })
    }

    async fn give_back(&self, key: &LimitKey, unused: u64) -> Result<(), StoreError> {
        self.with(key, |left| *left += unused);
        Ok(())
    }
}

fn limited(prepared: &Prepared, room: &Arc<Room>) -> Registry {
    prepared.builder(AllowAll).limiter(Arc::clone(room)).build()
}

/// What was needed, and what was to be had.
fn exceeds<T: std::fmt::Debug>(result: Result<T, RegistryError>) -> (u64, u64) {
    match result {
        Err(RegistryError::QuotaExceeded(shortage)) => (shortage.needed, shortage.left),
        other => panic!("{other:?}"),
    }
}

/// A body that nobody may ask for a byte.
fn unread(length: u64) -> Chunk {
    let body = stream::poll_fn(|_| -> Poll<Option<Result<Bytes, BodyError>>> {
        panic!("the body is read")
    });
    let mut chunk = Chunk::new(body.boxed());
    chunk.length = Some(length);
    chunk
}

#[test]
fn what_is_known_to_be_too_much_is_refused_before_its_first_byte() {
    let (prepared, alice, a) = (Prepared::new(), user("alice"), name("a"));
    let room = Room::stored(4);
    let registry = limited(&prepared, &room);
    let before = prepared.stored();
    let shortage =
        exceeds(block_on(registry.append_upload(&alice, &a, &prepared.upload, unread(5))));
    assert_eq!(shortage, (5, 4));
    let whole = digest("begun, ended");
    exceeds(block_on(registry.close_upload(&alice, &a, &prepared.upload, &whole, unread(5))));
    assert_eq!(prepared.stored(), before);
    let error = block_on(registry.push_blob(&alice, &a, &digest("x"), unread(5)));
    assert_eq!(error.expect_err("too much").code(), ErrorCode::Denied);
    assert_eq!(room.left(Limit::StoredBytes, "a"), 4, "all of it was given back");
}

#[test]
fn what_turns_out_to_be_too_much_leaves_nothing_behind() {
    let (prepared, alice, a) = (Prepared::new(), user("alice"), name("a"));
    let room = Room::stored(4);
    let registry = limited(&prepared, &room);
    let before = prepared.stored();
    exceeds(block_on(registry.push_blob(&alice, &a, &digest("12345"), chunk("12345"))));
    assert_eq!(prepared.stored(), before);
    exceeds(block_on(registry.append_upload(&alice, &a, &prepared.upload, chunk("12345"))));
    let status = block_on(registry.upload_status(&alice, &a, &prepared.upload)).unwrap();
    assert_eq!(status.offset, Prepared::BEGUN.len() as u64, "the upload goes on where it was");
    let upload = ManifestUpload::new(body(prepared.other.manifest.clone()));
    exceeds(block_on(registry.push_manifest(&alice, &a, &by_tag("new"), &[], upload)));
    exceeds(block_on(registry.mount_blob(&alice, &a, &digest(Prepared::SHARED), None)));
    assert_eq!(room.left(Limit::StoredBytes, "a"), 4);
    // Somebody else's room is not theirs.
    block_on(registry.push_blob(&alice, &name("b"), &digest("12345"), chunk("12345"))).unwrap();
}

#[test]
fn what_is_there_already_needs_no_room() {
    let (prepared, alice, a) = (Prepared::new(), user("alice"), name("a"));
    let registry = limited(&prepared, &Room::stored(0));
    let there = digest(&prepared.image.blobs[0]);
    let mounted = block_on(registry.mount_blob(&alice, &a, &there, None)).unwrap();
    assert_eq!(mounted, Mount::Mounted);
    let upload = ManifestUpload::new(body(prepared.image.manifest.clone()));
    block_on(registry.push_manifest(&alice, &a, &by_tag("again"), &[], upload)).unwrap();
    block_on(registry.cancel_upload(&alice, &a, &prepared.upload)).unwrap();
}

#[test]
fn what_is_deleted_makes_room_and_what_is_pushed_twice_counts_once() {
    let (prepared, alice, a) = (Prepared::new(), user("alice"), name("a"));
    let room = Room::stored(1000);
    let registry = limited(&prepared, &room);
    let left = || room.left(Limit::StoredBytes, "a");
    for _ in 0..2 {
        block_on(registry.push_blob(&alice, &a, &digest("12345"), chunk("12345"))).unwrap();
        assert_eq!(left(), 995);
    }
    // Each repository counts.
    let below = name("a/below");
    let mounted = block_on(registry.mount_blob(&alice, &below, &digest("12345"), Some(&a)));
    assert_eq!(mounted.unwrap(), Mount::Mounted);
    assert_eq!(left(), 990);
    for repository in [&a, &below] {
        block_on(registry.delete_blob(&alice, repository, &digest("12345"))).unwrap();
    }
    assert_eq!(left(), 1000);
    block_on(registry.cancel_upload(&alice, &a, &prepared.upload)).unwrap();
    assert_eq!(left(), 1000 + Prepared::BEGUN.len() as u64);
    let manifest = Reference::Digest(prepared.image.digest());
    block_on(registry.delete_manifest(&alice, &a, &manifest)).unwrap();
    let size = prepared.image.manifest.len();
    assert_eq!(left(), 1000 + (Prepared::BEGUN.len() + size) as u64);
}

#[test]
fn an_expired_upload_gives_its_bytes_back_once_whoever_finds_it() {
    let (prepared, alice, a) = (Prepared::new(), user("alice"), name("a"));
    let room = Room::stored(0);
    let servers = [limited(&prepared, &room), limited(&prepared, &room)];
    prepared.clock.advance(Duration::from_secs(25 * 3600));
    for server in &servers {
        let status = block_on(server.upload_status(&alice, &a, &prepared.upload));
        assert!(matches!(status, Err(RegistryError::UploadUnknown)), "{status:?}");
        assert_eq!(room.left(Limit::StoredBytes, "a"), Prepared::BEGUN.len() as u64);
    }
}

#[test]
fn uploads_that_nobody_goes_on_with_give_their_bytes_back_once_they_have_expired() {
    let (prepared, alice, a) = (Prepared::new(), user("alice"), name("a"));
    let room = Room::stored(10_000);
    let registry = limited(&prepared, &room);
    let left = || room.left(Limit::StoredBytes, "a");
    // More than are looked at at once.
    for _ in 0..250 {
        let id = block_on(registry.open_upload(&alice, &a, None)).unwrap().id;
        block_on(registry.append_upload(&alice, &a, &id, chunk("12345"))).unwrap();
    }
    prepared.clock.advance(Duration::from_secs(12 * 3600));
    let kept = block_on(registry.open_upload(&alice, &a, None)).unwrap().id;
    block_on(registry.append_upload(&alice, &a, &kept, chunk("123"))).unwrap();
    assert_eq!(block_on(registry.discard_expired_uploads()).unwrap(), 0, "none has expired");
    assert_eq!(left(), 10_000 - 250 * 5 - 3);

    prepared.clock.advance(Duration::from_secs(12 * 3600));
    // Those and the one that is prepared, which counts too; nobody used any of them.
    assert_eq!(block_on(registry.discard_expired_uploads()).unwrap(), 251);
    assert_eq!(left(), 10_000 - 3 + Prepared::BEGUN.len() as u64);
    assert_eq!(block_on(registry.upload_status(&alice, &a, &kept)).unwrap().offset, 3);
    let uploads = prepared.records.all().into_iter().filter(|(key, _)| key.kind() == "upload");
    assert_eq!(uploads.count(), 1, "their records are gone");
    assert_eq!(block_on(registry.discard_expired_uploads()).unwrap(), 0);
}

#[test]
fn bytes_are_taken_in_steps_and_not_with_each_piece() {
    let (prepared, alice, a) = (Prepared::new(), user("alice"), name("a"));
    let room = Room::stored(1 << 40);
    let registry = limited(&prepared, &room);
    let pieces: Vec<_> = (0..200).map(|_| Ok(Bytes::from(vec![7; 64 << 10]))).collect();
    let whole = digest(vec![7; 200 * (64 << 10)]);
    let upload = Chunk::new(stream::iter(pieces).boxed());
    block_on(registry.push_blob(&alice, &a, &whole, upload)).unwrap();
    assert!(room.asked() <= 5, "12.5 MiB took {} requests", room.asked());
    assert_eq!(room.left(Limit::StoredBytes, "a"), (1 << 40) - 200 * (64 << 10));
}

#[test]
fn an_upload_of_known_length_holds_no_more_than_what_came_and_a_step() {
    let (prepared, alice, a) = (Prepared::new(), user("alice"), name("a"));
    let room = Room::stored(1 << 30);
    let registry = limited(&prepared, &room);
    let watched = Arc::clone(&room);
    // Pieces of 1 MiB.
    let pieces = stream::iter(0..32_u64).map(move |piece| {
        let held = (1 << 30) - watched.left(Limit::StoredBytes, "a");
        assert!(held <= (piece << 20) + (8 << 20), "{held} after {piece} MiB");
        Ok(Bytes::from(vec![7; 1 << 20]))
    });
    let mut upload = Chunk::new(pieces.boxed());
    upload.length = Some(32 << 20);
    let whole = digest(vec![7; 32 << 20]);
    block_on(registry.push_blob(&alice, &a, &whole, upload)).unwrap();
    assert_eq!(room.left(Limit::StoredBytes, "a"), (1 << 30) - (32 << 20));
}

/// Grants nothing, against its contract.
struct GrantsNothing;

#[async_trait]
impl RateLimiter for GrantsNothing {
    fn limits(&self, _: Limit, _: SubjectKind) -> bool {
        true
    }

    async fn take(&self, _: &LimitKey, _: u64) -> Result<Taken, StoreError> {
        Ok(Taken::Granted(0))
    }

    async fn give_back(&self, _: &LimitKey, _: u64) -> Result<(), StoreError> {
        Ok(())
    }
}

#[test]
fn a_limiter_that_grants_nothing_is_not_asked_for_ever() {
    let (prepared, alice, a) = (Prepared::new(), user("alice"), name("a"));
    let large = push_large(&prepared);
    let registry = prepared.builder(AllowAll).limiter(GrantsNothing).build();
    exceeds(block_on(registry.push_blob(&alice, &a, &digest("12345"), chunk("12345"))));
    let refused = block_on(pull(&registry, &large, false)).expect_err("nothing is granted");
    assert_eq!(refused.code(), ErrorCode::TooManyRequests);
}

/// Limits requests, and no bytes.
struct Rates;

#[async_trait]
impl RateLimiter for Rates {
    fn limits(&self, limit: Limit, _: SubjectKind) -> bool {
        limit == Limit::Requests
    }

    async fn take(&self, key: &LimitKey, _: u64) -> Result<Taken, StoreError> {
        panic!("{key:?}")
    }

    async fn give_back(&self, key: &LimitKey, _: u64) -> Result<(), StoreError> {
        panic!("{key:?}")
    }
}

#[test]
fn rates_without_a_quota_cost_no_steps() {
    let steps = |limit: fn(Builder) -> Builder| {
        let (prepared, faults) = (Prepared::new(), Faults::none());
        let registry = limit(prepared.builder_behind(&faults, AllowAll)).build();
        let (alice, a, shared) = (user("alice"), name("a"), digest(Prepared::SHARED));
        block_on(registry.mount_blob(&alice, &a, &shared, Some(&name("b")))).unwrap();
        block_on(registry.delete_blob(&alice, &a, &shared)).unwrap();
        let (id, whole) = (&prepared.upload, digest("begun, ended"));
        block_on(registry.close_upload(&alice, &a, id, &whole, chunk("ended"))).unwrap();
        faults.calls().len()
    };
    assert_eq!(steps(|builder| builder.limiter(Rates)), steps(|builder| builder));
    assert!(steps(|builder| builder.limiter(Room::stored(1000))) > steps(|builder| builder));
}

#[test]
fn the_count_is_what_the_records_say() {
    let prepared = Prepared::new();
    let counted = block_on(prepared.registry(AllowAll).stored_bytes()).unwrap();
    let artifact = Sample::artifact(3, "text/artifact", &prepared.image);
    let blobs = [&prepared.image, &prepared.other, &artifact].into_iter().flat_map(|s| &s.blobs);
    // A set: samples may share a blob.
    let blobs: BTreeMap<_, _> = blobs.map(|blob| (digest(blob), blob.len())).collect();
    let manifests = prepared.image.manifest.len() + artifact.manifest.len();
    let a = blobs.values().sum::<usize>() + manifests + Prepared::BEGUN.len();
    let want = [("a", a), ("b", Prepared::SHARED.len())];
    assert_eq!(counted, want.map(|(name, bytes)| (name.to_owned(), bytes as u64)).into());
}

// What goes out

/// A blob of 10 MiB in pieces of 64 KiB.
const LARGE: u64 = 10 << 20;

fn push_large(prepared: &Prepared) -> registry_core::digest::Digest {
    let bytes = vec![9; LARGE as usize];
    let large = digest(&bytes);
    let registry = prepared.registry(AllowAll);
    block_on(registry.push_blob(&user("alice"), &name("a"), &large, chunk(bytes))).unwrap();
    large
}

async fn pull(
    registry: &Registry,
    digest: &registry_core::digest::Digest,
    head: bool,
) -> Result<registry_core::ports::Content, RegistryError> {
    let mut options = BlobOptions::default();
    options.head = head;
    let found = registry.blob(&Caller::anonymous(), &name("a"), digest, &options).await?;
    Ok(found.found().expect("it is there"))
}

fn pulled(bytes: u64, wait: Option<Duration>) -> Arc<Room> {
    Arc::new(Room { wait, ..Room::of([(Limit::PulledBytes, "a", bytes)]) })
}

#[test]
fn what_goes_out_is_counted_and_what_does_not_is_not() {
    let prepared = Prepared::new();
    let large = push_large(&prepared);
    let room = pulled(2 * LARGE, None);
    let registry = limited(&prepared, &room);
    let left = || room.left(Limit::PulledBytes, "a");
    block_on(pull(&registry, &large, true)).unwrap();
    assert_eq!((left(), room.asked()), (2 * LARGE, 0), "a look costs nothing");

    let content = block_on(pull(&registry, &large, false)).unwrap();
    let bytes = block_on(content.into_stream().map_ok(|b| b.len()).try_collect::<Vec<_>>());
    assert_eq!(bytes.unwrap().iter().sum::<usize>() as u64, LARGE);
    assert_eq!(left(), LARGE);

    let content = block_on(pull(&registry, &large, false)).unwrap();
    assert!(left() < LARGE, "a step is taken before the first byte");
    drop(content);
    assert_eq!(left(), LARGE, "and given back where no byte went out");
}

#[test]
fn a_frontend_that_sends_a_content_itself_is_metered_too() {
    let prepared = Prepared::new();
    let large = push_large(&prepared);
    let room = pulled(LARGE, None);
    let registry = limited(&prepared, &room);
    let mut content = block_on(pull(&registry, &large, false)).unwrap();
    let mut meter = content.take_meter().expect("it is metered");
    let mut cx = Context::from_waker(noop_waker_ref());
    let mut sent = 0;
    while sent < LARGE - 10 {
        let Poll::Ready(Ok(most)) = meter.poll_ready(&mut cx) else { panic!("there is room") };
        let piece = most.min(LARGE - 10 - sent);
        meter.sent(piece);
        sent += piece;
    }
    drop(meter);
    assert_eq!(room.left(Limit::PulledBytes, "a"), 10, "the last bytes were not sent");
}

#[test]
fn nothing_goes_out_where_nothing_is_left() {
    let prepared = Prepared::new();
    let large = push_large(&prepared);
    let wait = Duration::from_secs(77);
    let registry = limited(&prepared, &pulled(0, Some(wait)));
    let refused = block_on(pull(&registry, &large, false)).expect_err("nothing is left");
    assert_eq!(refused.code(), ErrorCode::TooManyRequests);
    assert_eq!(refused.retry_after(), Some(wait));
}

#[test]
fn a_pull_that_has_begun_becomes_slower_and_breaks_off_only_where_that_takes_too_long() {
    let prepared = Prepared::new();
    let large = push_large(&prepared);
    let second = Duration::from_secs(1);
    let registry = limited(&prepared, &pulled(1 << 20, Some(second)));
    let before = prepared.clock.monotonic();
    let content = block_on(pull(&registry, &large, false)).unwrap();
    block_on(content.into_stream().try_collect::<Vec<_>>()).expect("all of it");
    assert!(prepared.clock.monotonic() - before >= second);

    let registry = limited(&prepared, &pulled(1 << 20, Some(60 * second)));
    let mut content = block_on(pull(&registry, &large, false)).unwrap();
    let mut meter = content.take_meter().expect("it is metered");
    let mut cx = Context::from_waker(noop_waker_ref());
    assert!(meter.poll_ready(&mut cx).is_ready());
    meter.sent(1 << 20);
    let Poll::Ready(Err(error)) = meter.poll_ready(&mut cx) else { panic!("it goes on") };
    let unavailable = matches!(error.kind(), StoreErrorKind::Unavailable { retry_after: Some(_) });
    assert!(unavailable, "{error:?}");
}
