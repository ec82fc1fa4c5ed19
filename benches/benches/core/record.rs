use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use registry_adapters::system::SystemRandom;
use registry_core::{
    digest::{Algorithm, HashState},
    media_type::MediaType,
    ports::{Checkpoint, ContentId},
    record::{
        BlobRecord, ManifestRecord, ManifestReference, ManifestState, Nonce, Progress, Record,
        ReferenceKind, RepositoryId, TagRecord, Timestamp, Typed, UploadRecord, UploadState,
    },
};

/// Records to bytes and back, as a store and a use case do together.
pub(crate) fn encode_and_decode(c: &mut Criterion) {
    let now = Timestamp::from(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let nonce = Nonce::new(&SystemRandom);
    let digest = Algorithm::Sha256.digest(b"bench");
    round_trip(c, "tag", &TagRecord { digest, incarnation: nonce, when: now });
    round_trip(c, "blob", &BlobRecord::live(ContentId::new(&SystemRandom), 1 << 30, now));
    round_trip(c, "upload", &upload(now));
    for references in [2, 128] {
        round_trip(c, &format!("manifest of {references}"), &manifest(nonce, now, references));
    }
}

fn round_trip<T: Typed>(c: &mut Criterion, name: &str, view: &T) {
    let nonce = Nonce::new(&SystemRandom);
    let bytes = view.encode(nonce).to_bytes();
    let mut group = c.benchmark_group(format!("record/{name}"));
    group.bench_function("view again", |b| {
        let record = Record::from_bytes(&bytes).expect("a record");
        record.view::<T>().expect("its view");
        b.iter(|| record.view::<T>());
    });
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("encode", |b| b.iter(|| view.encode(nonce).to_bytes()));
    group.bench_function("decode", |b| {
        b.iter(|| Record::from_bytes(&bytes).and_then(|record| T::decode(&record)));
    });
}

/// An upload in the middle of a block, with a checkpoint as long as a boot id.
fn upload(now: Timestamp) -> UploadRecord {
    let mut hash = HashState::new(Algorithm::Sha256);
    hash.update(&[0xa5; 1000]);
    let checkpoint = Checkpoint::new(1000, vec![0xa5; 36]).expect("a short state");
    UploadRecord {
        repository: RepositoryId::new(&SystemRandom),
        owner: String::new(),
        namespace: String::new(),
        state: UploadState::Open { progress: Progress { checkpoint, hash }, announced: None },
        expires: now,
    }
}

/// A committed manifest whose body is about as long as its references make it.
fn manifest(incarnation: Nonce, since: Timestamp, references: u32) -> ManifestRecord {
    let reference = |n: u32| ManifestReference {
        digest: Algorithm::Sha256.digest(&n.to_be_bytes()),
        kind: ReferenceKind::Blob,
    };
    let media_type: MediaType = MediaType::OCI_MANIFEST.parse().expect("a media type");
    let references = (0..references).map(reference).collect::<Vec<_>>();
    let bytes = Bytes::from(vec![b' '; references.len() * 180]);
    let mut record = ManifestRecord::pending(incarnation, since, media_type, references);
    record.state = ManifestState::Committed;
    record.bytes = bytes;
    record
}
