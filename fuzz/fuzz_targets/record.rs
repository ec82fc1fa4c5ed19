//! A stored record, read back: what is accepted keeps its bytes, and each typed view that decodes
//! is encoded to a record that decodes to the same. The first line is also tried as a key.
#![no_main]

use std::{fmt::Debug, sync::LazyLock};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use regex::Regex;
use registry_core::record::{
    BlobRecord, LinkRecord, ManifestRecord, Record, RecordKey, ReferrerRecord, RepositoryRecord,
    TagRecord, Typed, UploadRecord,
};

static KEY: LazyLock<Regex> = LazyLock::new(|| {
    let component = r"[A-Za-z0-9._:@+=-]{1,254}";
    Regex::new(&format!(r"\A{component}(/{component})+\z")).expect("it is an expression")
});

fuzz_target!(|data: &[u8]| {
    if let Ok(line) = str::from_utf8(data.split(|b| *b == b'\n').next().unwrap_or_default()) {
        key(line);
    }
    let bytes = Bytes::copy_from_slice(data);
    let Ok(record) = Record::from_bytes(&bytes) else { return };
    assert_eq!((record.to_bytes(), record.len()), (bytes, data.len()));
    views(&record);
});

fn key(text: &str) {
    let matches = KEY.is_match(text)
        && text.len() <= RecordKey::MAX_LENGTH
        && text.split('/').all(|component| component != "." && component != "..");
    let key = text.parse::<RecordKey>().ok();
    assert_eq!(key.map(|key| key.to_string()), matches.then(|| text.to_owned()));
}

fn views(record: &Record) {
    view::<BlobRecord>(record);
    view::<LinkRecord>(record);
    view::<ManifestRecord>(record);
    view::<ReferrerRecord>(record);
    view::<RepositoryRecord>(record);
    view::<TagRecord>(record);
    view::<UploadRecord>(record);
}

fn view<T: Typed + Debug>(record: &Record) {
    let Ok(view) = T::decode(record) else { return };
    assert_eq!(record.kind(), T::KIND);
    let again =
        Record::from_bytes(&view.encode(record.nonce()).to_bytes()).expect("it was encoded");
    let again = T::decode(&again).expect("it was encoded");
    assert_eq!(format!("{again:?}"), format!("{view:?}"));
}
