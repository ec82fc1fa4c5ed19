//! A line with the `Content-Type`, then the document: what is accepted is an image or an index,
//! keeps its bytes, and is read as a plain JSON parser reads it.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use registry_core::{
    descriptor::Descriptor, digest::Algorithm, manifest::Manifest, media_type::MediaType,
};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Some(end) = data.iter().position(|b| *b == b'\n') else { return };
    let Ok(header) = str::from_utf8(&data[..end]) else { return };
    let (content_type, bytes) =
        (MediaType::from_content_type(header).ok(), Bytes::copy_from_slice(&data[end + 1..]));
    let Ok(manifest) = Manifest::parse(bytes.clone(), content_type) else { return };
    assert_eq!(manifest.bytes(), &bytes);
    let document: Value = serde_json::from_slice(&bytes).expect("a manifest is JSON");
    assert_eq!(document["schemaVersion"], 2);
    assert_eq!(documents(manifest.layers()), digests(&document["layers"]));
    assert_eq!(documents(manifest.manifests()), digests(&document["manifests"]));
    assert_eq!(documents(manifest.config()), digests_of(&document["config"]));
    assert_eq!(documents(manifest.subject()), digests_of(&document["subject"]));
    // CVE-2021-41190: no document is an image to one and an index to another.
    assert_ne!(document.get("manifests").is_some(), !document["config"].is_null());

    let descriptor = manifest.descriptor(manifest.digest(Algorithm::Sha256));
    assert_eq!(descriptor.size, bytes.len() as u64);
    let again = Manifest::parse(bytes, Some(manifest.media_type().clone()));
    assert_eq!(again.expect("its own type fits").media_type(), manifest.media_type());
});

fn documents<'a>(descriptors: impl IntoIterator<Item = &'a Descriptor>) -> Vec<String> {
    descriptors.into_iter().map(|descriptor| descriptor.digest.to_string()).collect()
}

fn digests(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().flat_map(digests_of).collect()
}

fn digests_of(descriptor: &Value) -> Vec<String> {
    descriptor["digest"].as_str().map(str::to_owned).into_iter().collect()
}
