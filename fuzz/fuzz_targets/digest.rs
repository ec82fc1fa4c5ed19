//! Digests have one text; a saved hash state is put together and taken apart without loss.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use regex::Regex;
use registry_core::digest::{Digest, HashState};

static DIGEST: LazyLock<Regex> = LazyLock::new(|| {
    let digest = r"\A(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})\z";
    Regex::new(digest).expect("it is an expression")
});

fuzz_target!(|text: &str| {
    let digest = text.parse::<Digest>().ok();
    assert_eq!(
        digest.map(|digest| digest.to_string()),
        DIGEST.is_match(text).then(|| text.to_owned())
    );
    if let Ok(state) = text.parse::<HashState>() {
        let again: HashState = state.to_string().parse().expect("what was saved is loaded");
        assert_eq!(again.parts(), state.parts());
        assert_eq!(HashState::from_parts(&state.parts()).map(|s| s.parts()), Ok(state.parts()));
        assert_eq!(finish(again), finish(state));
    }
});

fn finish(mut state: HashState) -> Digest {
    state.update(b"and more");
    state.finish()
}
