use std::fmt::Debug;

use super::*;
use crate::{
    descriptor::Descriptor,
    digest::{Algorithm, HashState},
    ports::{Checkpoint, ContentId},
};

fn nonce() -> Nonce {
    "000102030405060708090a0b0c0d0e0f".parse().unwrap()
}

fn id() -> ContentId {
    "f47ac10b-58cc-4372-a567-0e02b2c3d479".parse().unwrap()
}

fn digest() -> crate::digest::Digest {
    Algorithm::Sha256.digest(b"x")
}

fn now() -> Timestamp {
    Timestamp::from(std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_700_000_000_123))
}

fn round_trip<T: Typed + Debug>(value: &T) -> String {
    let stored = value.encode(nonce()).to_bytes();
    let record = Record::from_bytes(&stored).unwrap();
    assert_eq!((record.kind(), record.nonce(), record.len()), (T::KIND, nonce(), stored.len()));
    let again = T::decode(&record).unwrap();
    assert_eq!(format!("{again:?}"), format!("{value:?}"));
    String::from_utf8(stored.into()).unwrap()
}

#[test]
fn every_kind_decodes_to_what_was_encoded() {
    round_trip(&RepositoryRecord::new(
        "did:plc:x".parse().unwrap(),
        now(),
        "me".into(),
        Visibility::Public,
    ));
    for state in [BlobState::Live, BlobState::Condemned, BlobState::Gone] {
        round_trip(&BlobRecord { state, ..BlobRecord::live(id(), 5, now()) });
    }
    for state in [LinkState::Live, LinkState::Condemned] {
        round_trip(&LinkRecord { state, ..LinkRecord::live("a/b".parse().unwrap(), now()) });
    }
    for state in [ManifestState::Pending, ManifestState::Committed, ManifestState::Condemned] {
        let kinds = [ReferenceKind::Blob, ReferenceKind::Child, ReferenceKind::Optional];
        let references = kinds.map(|kind| ManifestReference { digest: digest(), kind }).to_vec();
        round_trip(&ManifestRecord {
            state,
            subject: Some(digest()),
            artifact_type: Some("a/\"b\n".into()),
            retention: Retention::Cached,
            bytes: Bytes::from_static(b"{\n\n}\0"),
            ..ManifestRecord::pending(nonce(), now(), "a/b".parse().unwrap(), references)
        });
    }
    round_trip(&TagRecord { digest: digest(), incarnation: nonce(), when: now() });
    let mut descriptor = Descriptor::new("a/b".parse().unwrap(), digest(), 7);
    descriptor.annotations.insert("k".into(), "line\nbreak".into());
    round_trip(&ReferrerRecord { descriptor, incarnation: nonce() });
    let mut hash = HashState::new(Algorithm::Sha512);
    hash.update(b"some");
    let progress = Progress { checkpoint: Checkpoint::new(4, &b"\0\xff"[..]).unwrap(), hash };
    for state in [
        UploadState::Open { progress: progress.clone(), announced: None },
        UploadState::Open { progress: progress.clone(), announced: Some(Algorithm::Sha512) },
        UploadState::Closing { progress, digest: digest() },
        UploadState::Aborted { digest: None },
        UploadState::Aborted { digest: Some(digest()) },
    ] {
        round_trip(&UploadRecord {
            namespace: "a".into(),
            repository: "r".parse().unwrap(),
            owner: "user:me".into(),
            state,
            expires: now(),
        });
    }
}

#[test]
fn the_stored_form_of_a_tag_is_what_earlier_versions_wrote() {
    let text = round_trip(&TagRecord { digest: digest(), incarnation: nonce(), when: now() });
    assert_eq!(
        text,
        "{\"v\":1,\"kind\":\"tag\",\"nonce\":\"000102030405060708090a0b0c0d0e0f\",\
         \"digest\":\"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\",\
         \"incarnation\":\"000102030405060708090a0b0c0d0e0f\",\"when\":1700000000123}\n"
    );
}

#[test]
fn a_record_of_another_kind_or_format_is_refused() {
    let tag = TagRecord { digest: digest(), incarnation: nonce(), when: now() }.encode(nonce());
    assert!(matches!(BlobRecord::decode(&tag), Err(RecordError::Kind { wanted: "blob", .. })));
    let newer = String::from_utf8(tag.to_bytes().into()).unwrap().replace("\"v\":1", "\"v\":2");
    assert!(matches!(Record::from_bytes(&newer.into()), Err(RecordError::Format(2))));
    for bad in ["", "\n", "{}\n", "{\"v\":1}", "null\n", "\u{feff}{}\n"] {
        assert!(Record::from_bytes(&bad.into()).is_err(), "{bad:?}");
    }
}

#[test]
fn keys_sort_as_the_api_lists() {
    let key = |name: &str| RecordKey::repository(&name.parse().unwrap());
    let names = ["a", "a-b", "a.b", "a/b", "a0", "ab"];
    assert!(names.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
}

#[test]
fn odd_keys_are_refused() {
    for bad in ["", "a", "a/", "/a", "a//b", "a/../b", "a/.", "a/b c", "a/b\0", "a/ä", "a/b!"] {
        assert!(bad.parse::<RecordKey>().is_err(), "{bad:?}");
    }
    let key = RecordKey::referrer(&"r".parse().unwrap(), &digest(), &digest());
    assert_eq!(key.as_str().parse::<RecordKey>().unwrap(), key);
}
