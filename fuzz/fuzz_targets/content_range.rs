//! The `Content-Range` of a chunk is what the spec's expression matches, with numbers that make
//! sense (distribution-spec, "Pushing a blob in chunks").
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use regex::Regex;
use registry_core::range::ContentRange;

static RANGE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\A([0-9]+)-([0-9]+)\z").expect("it is an expression"));

fuzz_target!(|header: &str| {
    let offsets = RANGE.captures(header).and_then(|captures| {
        Some((captures[1].parse::<u64>().ok()?, captures[2].parse::<u64>().ok()?))
    });
    // One more than the last offset is a length, so it must be a number too.
    let wanted = offsets.filter(|(first, last)| first <= last && *last < u64::MAX);
    let range = header.parse::<ContentRange>().ok();
    assert_eq!(
        range.map(|range| (range.start(), range.length())),
        wanted.map(|(first, last)| (first, last - first + 1))
    );
    if let Some(range) = range {
        assert_eq!(range.to_string().parse(), Ok(range));
    }
});
