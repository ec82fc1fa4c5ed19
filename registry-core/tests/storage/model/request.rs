//! Random requests, about few enough things that they meet.

use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*, sample::Index, sample::select};
use registry_core::{
    digest::{Algorithm, Digest},
    ports::ContentId,
    testing::{Fault, Sample},
};

use super::reference::Reference;
use crate::client::digest;

pub(super) const REPOSITORIES: [&str; 2] = ["a", "a/b"];
pub(super) const TAGS: [&str; 3] = ["latest", "v1", "V1"];
const BLOBS: usize = 5;
const SAMPLES: usize = 4;

/// One request. Numbers stand for repositories.
#[derive(Clone, Debug)]
pub(super) enum Request {
    PushBlob {
        repository: usize,
        bytes: Bytes,
        right: bool,
    },
    Open {
        repository: usize,
    },
    Append {
        id: ContentId,
        repository: usize,
        offset: u64,
        bytes: Bytes,
        at: At,
    },
    Close {
        id: ContentId,
        repository: usize,
        /// What is sent with the close.
        rest: Bytes,
        /// What is there then.
        all: Bytes,
        digest: Digest,
        /// Whether the digest is that of the bytes.
        right: bool,
        /// Whether the bytes were hashed with another algorithm while they came.
        rehashed: bool,
    },
    Cancel {
        id: ContentId,
        repository: usize,
    },
    Mount {
        repository: usize,
        digest: Digest,
        from: Option<usize>,
    },
    PushManifest {
        repository: usize,
        sample: Sample,
        tags: Vec<&'static str>,
        by_tag: bool,
    },
    DeleteManifest {
        repository: usize,
        digest: Digest,
    },
    DeleteTag {
        repository: usize,
        tag: &'static str,
    },
    DeleteBlob {
        repository: usize,
        digest: Digest,
    },
    Wait {
        hours: u64,
    },
}

/// What a chunk says of itself, and whether it is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// Nothing.
    Unsaid,
    /// Where the upload goes on.
    Right,
    /// Elsewhere.
    Wrong,
    /// More bytes than come.
    Short,
    /// Nothing, and the body breaks off after its bytes.
    BreaksOff,
}

/// A request in the making: what it is about depends on the uploads that there are.
#[derive(Clone, Debug)]
pub(super) enum Draft {
    Request(Box<Request>),
    Append { upload: Index, length: usize, at: At },
    Close { upload: Index, rest: usize, right: bool, sha512: bool },
    Cancel { upload: Index },
}

/// One request, and which call of it fails how.
pub(super) fn step() -> impl Strategy<Value = (Draft, Option<(usize, Fault)>)> {
    (draft(), option::weighted(0.3, (0..25usize, select(&Fault::ALL[..]))))
}

fn draft() -> impl Strategy<Value = Draft> {
    let at = select(vec![At::Unsaid, At::Unsaid, At::Right, At::Wrong, At::Short, At::BreaksOff]);
    let upload = any::<Index>;
    prop_oneof![
        15 => request().prop_map(|request| Draft::Request(Box::new(request))),
        3 => (upload(), 0..50usize, at)
            .prop_map(|(upload, length, at)| Draft::Append { upload, length, at }),
        2 => (upload(), 0..20usize, prop::bool::weighted(0.8), any::<bool>())
            .prop_map(|(upload, rest, right, sha512)| Draft::Close { upload, rest, right, sha512 }),
        1 => upload().prop_map(|upload| Draft::Cancel { upload }),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let samples = samples();
    let blobs: Vec<Bytes> = samples.iter().flat_map(|sample| sample.blobs.clone()).collect();
    let digests: Vec<Digest> = blobs.iter().map(digest).collect();
    let manifests: Vec<Digest> = samples.iter().map(Sample::digest).collect();
    let repository = || 0..REPOSITORIES.len();
    let tag = || select(&TAGS[..]);
    let digest = || select(digests.clone());
    prop_oneof![
        4 => (repository(), select(blobs), prop::bool::weighted(0.8))
            .prop_map(|(repository, bytes, right)| Request::PushBlob { repository, bytes, right }),
        2 => repository().prop_map(|repository| Request::Open { repository }),
        2 => (repository(), digest(), option::of(repository()))
            .prop_map(|(repository, digest, from)| Request::Mount { repository, digest, from }),
        6 => (repository(), select(samples), vec(tag(), 0..3), any::<bool>()).prop_map(
            |(repository, sample, mut tags, by_tag)| {
                let by_tag = by_tag && !tags.is_empty();
                tags.truncate(if by_tag { 1 } else { 2 });
                Request::PushManifest { repository, sample, tags, by_tag }
            }
        ),
        2 => (repository(), select(manifests))
            .prop_map(|(repository, digest)| Request::DeleteManifest { repository, digest }),
        1 => (repository(), tag())
            .prop_map(|(repository, tag)| Request::DeleteTag { repository, tag }),
        1 => (repository(), digest())
            .prop_map(|(repository, digest)| Request::DeleteBlob { repository, digest }),
        1 => (1..30u64).prop_map(|hours| Request::Wait { hours }),
    ]
}

/// Two images, an index of both, an artifact that refers to the first.
pub(super) fn samples() -> Vec<Sample> {
    let (first, second) = (Sample::image(1, 1), Sample::image(2, 0));
    let index = Sample::index(vec![first.clone(), second.clone()]);
    let artifact = Sample::artifact(3, "application/vnd.example", &first);
    let samples = vec![first, second, index, artifact];
    assert_eq!(samples.iter().map(|sample| sample.blobs.len()).sum::<usize>(), BLOBS);
    assert_eq!(samples.len(), SAMPLES);
    samples
}

impl Draft {
    /// The request, about one of the uploads that were opened last, or about none that ever was.
    pub(super) fn finish(self, reference: &Reference) -> Request {
        match self {
            Self::Request(request) => *request,
            Self::Append { upload, length, at } => {
                let Target { id, repository, offset, seed } = Target::pick(&upload, reference);
                let bytes = bytes(seed, offset as usize + length).slice(offset as usize..);
                Request::Append { id, repository, offset, bytes, at }
            }
            Self::Close { upload, rest, right, sha512 } => {
                let Target { id, repository, offset, seed } = Target::pick(&upload, reference);
                let all = bytes(seed, offset as usize + rest);
                let algorithm = if sha512 { Algorithm::Sha512 } else { Algorithm::Sha256 };
                let digest = algorithm.digest(if right { &all } else { b"something else" });
                let (rest, rehashed) = (all.slice(offset as usize..), sha512 && offset > 0);
                Request::Close { id, repository, rest, all, digest, right, rehashed }
            }
            Self::Cancel { upload } => {
                let Target { id, repository, .. } = Target::pick(&upload, reference);
                Request::Cancel { id, repository }
            }
        }
    }
}

struct Target {
    id: ContentId,
    repository: usize,
    offset: u64,
    /// Which upload it is; its bytes depend on that and on their place only.
    seed: usize,
}

impl Target {
    fn pick(index: &Index, reference: &Reference) -> Self {
        let never = "00000000-0000-4000-8000-000000000000".parse().expect("it is an id");
        let recent = reference.uploads.len().min(3);
        if recent == 0 {
            return Self { id: never, repository: 0, offset: 0, seed: 0 };
        }
        let seed = reference.uploads.len() - 1 - index.index(recent);
        let upload = reference.uploads[seed];
        let offset = reference.state.uploads.get(&upload.id).copied().unwrap_or(0);
        Self { id: upload.id, repository: upload.repository, offset, seed }
    }
}

fn bytes(seed: usize, length: usize) -> Bytes {
    (0..length).map(|place| ((place * 7 + seed) % 251) as u8).collect()
}
