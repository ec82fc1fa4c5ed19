//! A byte range means the bytes that RFC 9110 section 14.1.2 says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_core::range::ByteRange;

fuzz_target!(|header: &str| {
    let Ok(range) = header.parse::<ByteRange>() else { return };
    assert_eq!(range.to_string().parse(), Ok(range));
    for size in (0..20).chain([u64::MAX - 1, u64::MAX]) {
        let resolved = range.resolve(size);
        if let Some(bytes) = &resolved {
            assert!(bytes.start < bytes.end && bytes.end <= size, "{bytes:?} of {size}");
        }
        for byte in (0..20).chain([u64::MAX - 2, u64::MAX - 1]).filter(|byte| *byte < size) {
            let inside = resolved.as_ref().is_some_and(|bytes| bytes.contains(&byte));
            assert_eq!(inside, is_meant(range, byte, size), "byte {byte} of {size} in {range}");
        }
    }
});

fn is_meant(range: ByteRange, byte: u64, size: u64) -> bool {
    match range {
        ByteRange::Closed(first, last) => first <= byte && byte <= last,
        ByteRange::From(first) => first <= byte,
        ByteRange::Suffix(length) => size - byte <= length,
    }
}
