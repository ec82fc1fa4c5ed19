//! Small images made from nothing: every byte is known before a client sees it.

use std::collections::BTreeMap;

use bytes::Bytes;
use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Of the artifacts made here; what a filter of referrers asks for.
pub(crate) const ARTIFACT: &str = "application/vnd.example.note.v1";
/// The size of an image's second layer: more than one read of any buffer on the way.
const NOISE: usize = 300 << 10;

/// The algorithm of an image's digests.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Algorithm {
    Sha256,
    Sha512,
}

/// Bytes and their digest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Content {
    pub(crate) digest: String,
    pub(crate) bytes: Bytes,
}

/// A manifest with everything below it: blobs, and an index's children.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) media_type: &'static str,
    pub(crate) manifest: Content,
    pub(crate) blobs: Vec<Content>,
    pub(crate) children: Vec<Self>,
    /// What a descriptor of this manifest says beside type, digest and size.
    facts: Value,
}

impl Algorithm {
    pub(crate) fn content(self, bytes: impl Into<Bytes>) -> Content {
        let bytes = bytes.into();
        let digest = match self {
            Self::Sha256 => format!("sha256:{}", hex::encode(Sha256::digest(&bytes))),
            Self::Sha512 => format!("sha512:{}", hex::encode(Sha512::digest(&bytes))),
        };
        Content { digest, bytes }
    }
}

impl Image {
    /// An image for linux/amd64 with two layers. Images of different names share no blob.
    pub(crate) fn new(name: &str) -> Self {
        Self::built(name, "amd64", Algorithm::Sha256)
    }

    /// An image whose config, layers and manifest all have sha512 digests.
    pub(crate) fn sha512(name: &str) -> Self {
        Self::built(name, "amd64", Algorithm::Sha512)
    }

    /// An index of an image for linux/amd64 and one for linux/arm64.
    pub(crate) fn index(name: &str) -> Self {
        let children = ["amd64", "arm64"]
            .map(|arch| Self::built(&format!("{name} for {arch}"), arch, Algorithm::Sha256));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": children.each_ref().map(Self::descriptor),
        });
        let manifest = Algorithm::Sha256.content(manifest.to_string());
        let children = children.into();
        Self { media_type: INDEX, manifest, blobs: Vec::new(), children, facts: json!({}) }
    }

    /// An artifact that says something about `subject`.
    pub(crate) fn artifact(subject: &Self, text: &str) -> Self {
        let config = Algorithm::Sha256.content("{}");
        let note = Algorithm::Sha256.content(text.to_owned());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": ARTIFACT,
            "config": descriptor(EMPTY, &config),
            "layers": [descriptor("text/plain", &note)],
            "subject": descriptor(subject.media_type, &subject.manifest),
            "annotations": {"org.example.note": text},
        });
        let manifest = Algorithm::Sha256.content(manifest.to_string());
        let facts = json!({"artifactType": ARTIFACT});
        let blobs = vec![config, note];
        Self { media_type: MANIFEST, manifest, blobs, children: Vec::new(), facts }
    }

    fn built(name: &str, arch: &str, algorithm: Algorithm) -> Self {
        let tars = [tar("hello.txt", name.as_bytes()), tar("noise.bin", &noise(name))];
        let config = json!({
            "architecture": arch,
            "os": "linux",
            "config": {"Cmd": ["/hello"], "Labels": {"org.example.name": name}},
            "rootfs": {
                "type": "layers",
                "diff_ids": tars.each_ref().map(|tar| Algorithm::Sha256.content(tar.clone()).digest),
            },
        });
        let config = algorithm.content(config.to_string());
        let layers = tars.map(|tar| algorithm.content(gzip(&tar)));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, &config),
            "layers": layers.each_ref().map(|layer| descriptor(LAYER, layer)),
        });
        let manifest = algorithm.content(manifest.to_string());
        let facts = json!({"platform": {"architecture": arch, "os": "linux"}});
        let blobs = [config].into_iter().chain(layers).collect();
        Self { media_type: MANIFEST, manifest, blobs, children: Vec::new(), facts }
    }

    /// The manifest's digest.
    pub(crate) fn digest(&self) -> &str {
        &self.manifest.digest
    }

    /// The first blob of an image.
    pub(crate) fn config(&self) -> &Content {
        &self.blobs[0]
    }

    /// The blobs of an image after its config.
    pub(crate) fn layers(&self) -> &[Content] {
        &self.blobs[1..]
    }

    /// What an index says about this manifest.
    pub(crate) fn descriptor(&self) -> Value {
        let mut descriptor = descriptor(self.media_type, &self.manifest);
        let facts = self.facts.as_object().expect("an object").clone();
        descriptor.as_object_mut().expect("an object").extend(facts);
        descriptor
    }

    /// Every content of this image and its children, each once.
    pub(crate) fn contents(&self) -> BTreeMap<&str, &Bytes> {
        let own = self.blobs.iter().chain([&self.manifest]);
        let own = own.map(|content| (content.digest.as_str(), &content.bytes));
        own.chain(self.children.iter().flat_map(Self::contents)).collect()
    }
}

fn descriptor(media_type: &str, content: &Content) -> Value {
    json!({"mediaType": media_type, "digest": content.digest, "size": content.bytes.len()})
}

/// A tar archive of one file. Nothing of this machine is in it, so that its digest is stable.
pub(crate) fn tar(path: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, path, bytes).expect("memory takes everything");
    archive.into_inner().expect("memory takes everything")
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut zip = GzBuilder::new().read(bytes, Compression::fast());
    let mut zipped = Vec::new();
    std::io::copy(&mut zip, &mut zipped).expect("memory takes everything");
    zipped
}

/// Bytes that do not compress, other ones for each name: digests of a counter.
fn noise(name: &str) -> Vec<u8> {
    let block = |i: usize| Sha256::digest(format!("{name} {i}"));
    (0..NOISE / 32).flat_map(block).collect()
}
