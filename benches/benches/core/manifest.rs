use bytes::Bytes;
use criterion::{Criterion, Throughput};
use registry_core::{digest::Algorithm, manifest::Manifest, media_type::MediaType};
use serde_json::{Value, json};

/// Manifests from the least to the largest that a registry takes.
pub(crate) fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("manifest/parse");
    for (name, media_type, document) in [
        ("image of 1 layer", MediaType::OCI_MANIFEST, image(1)),
        ("image of 127 layers", MediaType::OCI_MANIFEST, image(127)),
        ("index of 12", MediaType::OCI_INDEX, index(12)),
        ("index of 4 MiB", MediaType::OCI_INDEX, index(20_000)),
    ] {
        let bytes = Bytes::from(document.to_string());
        let media_type: MediaType = media_type.parse().expect("a media type");
        Manifest::parse(bytes.clone(), Some(media_type.clone())).expect("a valid manifest");
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| Manifest::parse(bytes.clone(), Some(media_type.clone())));
        });
    }
}

fn image(layers: usize) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", 0),
        "layers": (1..=layers)
            .map(|n| descriptor("application/vnd.oci.image.layer.v1.tar+gzip", n))
            .collect::<Vec<_>>(),
        "annotations": { "org.opencontainers.image.created": "2026-01-01T00:00:00Z" },
    })
}

fn index(children: usize) -> Value {
    let children = (0..children).map(|n| {
        let mut child = descriptor(MediaType::OCI_MANIFEST, n);
        child["platform"] = json!({ "os": "linux", "architecture": "amd64" });
        child
    });
    json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX,
        "manifests": children.collect::<Vec<_>>(),
    })
}

fn descriptor(media_type: &str, number: usize) -> Value {
    let digest = Algorithm::Sha256.digest(&number.to_be_bytes());
    json!({ "mediaType": media_type, "digest": digest.to_string(), "size": 1024 + number })
}
