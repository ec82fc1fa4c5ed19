//! Repository names, tags and references are those that the spec's own expressions match
//! (distribution-spec, "Pulling manifests").
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use regex::Regex;
use registry_core::{digest::Digest, name::RepositoryName, reference::Reference, tag::Tag};

static NAME: LazyLock<Regex> = LazyLock::new(|| {
    let component = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*";
    Regex::new(&format!(r"\A{component}(/{component})*\z")).expect("it is an expression")
});

static TAG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\A[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}\z").expect("it is an expression")
});

fuzz_target!(|text: &str| {
    let name = text.parse::<RepositoryName>().ok();
    let matches = NAME.is_match(text) && text.len() <= RepositoryName::MAX_LENGTH;
    assert_eq!(name.map(|name| name.to_string()), matches.then(|| text.to_owned()));

    let tag = text.parse::<Tag>().ok();
    assert_eq!(tag.as_ref().map(Tag::to_string), TAG.is_match(text).then(|| text.to_owned()));

    match text.parse::<Reference>() {
        Ok(Reference::Tag(parsed)) => assert_eq!(Some(parsed), tag),
        Ok(Reference::Digest(parsed)) => assert_eq!(Ok(parsed), text.parse::<Digest>()),
        Err(_) => assert!(tag.is_none() && text.parse::<Digest>().is_err()),
    }
});
