//! Operations on an upload session against a plain reference. Between any two the session is
//! stored and read back, as it is between two requests.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use registry_core::{
    digest::{Algorithm, Digest, HashState},
    ports::Checkpoint,
    range::ContentRange,
    record::{Nonce, Progress, RepositoryId, Timestamp, Typed, UploadRecord, UploadState},
    upload::UploadError,
};

#[derive(Arbitrary, Debug)]
enum Operation {
    /// A chunk of these bytes, which says this of itself.
    Append {
        range: Option<(u64, u16)>,
        length: Option<u16>,
        bytes: Vec<u8>,
        expires: u32,
    },
    /// The last chunk.
    Close {
        bytes: Vec<u8>,
        expires: u32,
    },
    /// Progress to an earlier offset, as a request that was overtaken would write it.
    GoBack {
        by: u8,
    },
    Drop,
    Use {
        other_repository: bool,
        other_owner: bool,
        at: u32,
    },
}

#[derive(Debug)]
struct Scenario {
    sha512: bool,
    expires: u32,
    operations: Vec<Operation>,
}

impl<'a> Arbitrary<'a> for Scenario {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Self { sha512: u.arbitrary()?, expires: u.arbitrary()?, operations: u.arbitrary()? })
    }
}

/// What a session is, in the plainest words.
struct Reference {
    bytes: Vec<u8>,
    algorithm: Algorithm,
    expires: u32,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Open,
    Closing(Digest),
    Aborted(Option<Digest>),
}

fuzz_target!(|scenario: Scenario| {
    let algorithm = if scenario.sha512 { Algorithm::Sha512 } else { Algorithm::Sha256 };
    let mut reference =
        Reference { bytes: Vec::new(), algorithm, expires: scenario.expires, phase: Phase::Open };
    let mut session = UploadRecord::open(
        repository("here"),
        "user:a".to_owned(),
        Some(algorithm),
        at(scenario.expires),
    );
    for operation in scenario.operations {
        session = apply(&session, &mut reference, operation);
        session = stored_and_read(&session);
        check(&session, &reference);
    }
});

fn apply(session: &UploadRecord, reference: &mut Reference, operation: Operation) -> UploadRecord {
    match operation {
        Operation::Append { range, length, bytes, expires } => {
            let header = range.map(|(first, more)| (first, first.saturating_add(more.into())));
            let range = header.and_then(|(first, last)| format!("{first}-{last}").parse().ok());
            let length = length.map(u64::from);
            let accepted = session.accept(range, length).map(Progress::offset);
            assert_eq!(accepted, reference.accept(range, length));
            if accepted.is_err() {
                return session.clone();
            }
            let all = [&reference.bytes[..], &bytes].concat();
            let advanced = session.advanced(reference.progress(&all), at(expires));
            (reference.bytes, reference.expires) = (all, expires);
            advanced.expect("an open session goes on")
        }
        Operation::Close { bytes, expires } => {
            let all = [&reference.bytes[..], &bytes].concat();
            let digest = reference.algorithm.digest(&all);
            let closing = session.closing(digest, reference.progress(&all), at(expires));
            assert_eq!(closing.is_some(), reference.phase == Phase::Open);
            let Some(closing) = closing else { return session.clone() };
            (reference.bytes, reference.expires) = (all, expires);
            reference.phase = Phase::Closing(digest);
            closing
        }
        Operation::GoBack { by } => {
            let earlier = reference.bytes.len().saturating_sub(by.into());
            let progress = reference.progress(&reference.bytes[..earlier]);
            let advanced = session.advanced(progress, at(reference.expires));
            let stays = earlier == reference.bytes.len() && reference.phase == Phase::Open;
            assert_eq!(advanced.is_some(), stays);
            session.clone()
        }
        Operation::Drop => {
            reference.phase = match reference.phase {
                Phase::Open => Phase::Aborted(None),
                Phase::Closing(digest) => Phase::Aborted(Some(digest)),
                aborted => aborted,
            };
            session.aborted()
        }
        Operation::Use { other_repository, other_owner, at: now } => {
            let repository = repository(if other_repository { "elsewhere" } else { "here" });
            let owner = if other_owner { "user:b" } else { "user:a" };
            let admitted = !other_repository
                && !other_owner
                && now < reference.expires
                && !matches!(reference.phase, Phase::Aborted(_));
            assert_eq!(session.admits(&repository, owner, at(now)), admitted);
            session.clone()
        }
    }
}

impl Reference {
    fn offset(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn accept(&self, range: Option<ContentRange>, length: Option<u64>) -> Result<u64, UploadError> {
        match (self.phase, range) {
            (Phase::Closing(_), _) => Err(UploadError::Closing),
            (Phase::Aborted(_), _) => Err(UploadError::Dropped),
            (Phase::Open, Some(range)) if range.start() != self.offset() => {
                Err(UploadError::Offset { offset: self.offset() })
            }
            (Phase::Open, Some(range)) if length.is_some_and(|length| length != range.length()) => {
                Err(UploadError::Size)
            }
            (Phase::Open, _) => Ok(self.offset()),
        }
    }

    fn progress(&self, bytes: &[u8]) -> Progress {
        let mut hash = HashState::new(self.algorithm);
        hash.update(bytes);
        let checkpoint = Checkpoint::new(bytes.len() as u64, b"state".to_vec());
        Progress { checkpoint: checkpoint.expect("a short state"), hash }
    }
}

fn check(session: &UploadRecord, reference: &Reference) {
    let progress = match (&session.state, reference.phase) {
        (UploadState::Open { progress, .. }, Phase::Open) => progress,
        (UploadState::Closing { digest, progress }, Phase::Closing(wanted)) => {
            assert_eq!(*digest, wanted);
            progress
        }
        (UploadState::Aborted { digest }, Phase::Aborted(wanted)) => {
            assert_eq!(*digest, wanted);
            return assert_eq!(session.offset(), 0);
        }
        (state, _) => panic!("the session is {state:?}"),
    };
    assert_eq!(session.offset(), reference.offset());
    assert_eq!(session.expires, at(reference.expires));
    assert_eq!(progress.hash.clone().finish(), reference.algorithm.digest(&reference.bytes));
}

fn stored_and_read(session: &UploadRecord) -> UploadRecord {
    let nonce: Nonce = "000102030405060708090a0b0c0d0e0f".parse().expect("32 hex digits");
    let bytes = session.encode(nonce).to_bytes();
    let record = registry_core::record::Record::from_bytes(&bytes).expect("it was encoded");
    UploadRecord::decode(&record).expect("it was encoded")
}

fn repository(id: &str) -> RepositoryId {
    id.parse().expect("it is an id")
}

fn at(millis: u32) -> Timestamp {
    Timestamp::from(UNIX_EPOCH).plus(Duration::from_millis(millis.into()))
}
