//! What the core does for every request or every byte, one file a subject.

mod digest;
mod endpoint;
mod manifest;
mod record;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    benches,
    endpoint::parse,
    digest::hash,
    record::encode_and_decode,
    manifest::parse
);
criterion_main!(benches);
