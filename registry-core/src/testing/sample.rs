//! Things to push.

use bytes::Bytes;
use oci_spec::image::{
    Descriptor, DescriptorBuilder, ImageIndexBuilder, ImageManifestBuilder, MediaType as OciType,
    SCHEMA_VERSION,
};
use serde::Serialize;

use crate::{
    digest::{Algorithm, Digest},
    media_type::MediaType,
};

/// A manifest with everything that must be pushed before it: an image, an index, an artifact.
///
/// The same arguments give the same bytes, other seeds give others.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sample {
    /// What the manifest is.
    pub media_type: MediaType,
    /// The manifest's bytes.
    pub manifest: Bytes,
    /// The blobs that it refers to.
    pub blobs: Vec<Bytes>,
    /// The manifests that it refers to.
    pub children: Vec<Self>,
    /// What kind of artifact it is.
    pub artifact_type: Option<String>,
    /// The manifest that it refers to as its subject, which may be absent.
    pub subject: Option<Digest>,
}

impl Sample {
    /// An image with a configuration and as many layers of some hundred bytes.
    ///
    /// # Panics
    /// Never: the parts of a sample make valid documents.
    #[must_use]
    pub fn image(seed: u64, layers: usize) -> Self {
        let config = Bytes::from(format!("{{\"architecture\":\"amd64\",\"seed\":{seed}}}"));
        let layers: Vec<Bytes> = (0..layers)
            .map(|layer| Bytes::from(format!("layer {layer} of {seed};").repeat(20)))
            .collect();
        let manifest = ImageManifestBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(OciType::ImageManifest)
            .config(descriptor(OciType::ImageConfig, &config))
            .layers(layers.iter().map(|l| descriptor(OciType::ImageLayer, l)).collect::<Vec<_>>())
            .build()
            .expect("the document is complete");
        let blobs = [config].into_iter().chain(layers).collect();
        Self::new(&manifest, MediaType::OCI_MANIFEST, blobs, Vec::new())
    }

    /// An index of these.
    ///
    /// # Panics
    /// Never: the parts of a sample make valid documents.
    #[must_use]
    pub fn index(children: Vec<Self>) -> Self {
        let index = ImageIndexBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(OciType::ImageIndex)
            .manifests(children.iter().map(Self::descriptor).collect::<Vec<_>>())
            .build()
            .expect("the document is complete");
        Self::new(&index, MediaType::OCI_INDEX, Vec::new(), children)
    }

    /// An artifact that refers to a subject, which need not be pushed before.
    ///
    /// # Panics
    /// Never: the parts of a sample make valid documents.
    #[must_use]
    pub fn artifact(seed: u64, artifact_type: &str, subject: &Self) -> Self {
        let (empty, layer) = (Bytes::from("{}"), Bytes::from(format!("artifact {seed}")));
        let manifest = ImageManifestBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(OciType::ImageManifest)
            .artifact_type(OciType::from(artifact_type))
            .config(descriptor(OciType::EmptyJSON, &empty))
            .layers(vec![descriptor(OciType::from("text/plain"), &layer)])
            .subject(subject.descriptor())
            .build()
            .expect("the document is complete");
        let mut sample =
            Self::new(&manifest, MediaType::OCI_MANIFEST, vec![empty, layer], Vec::new());
        sample.artifact_type = Some(artifact_type.to_owned());
        sample.subject = Some(subject.digest());
        sample
    }

    /// The digest of the manifest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        digest(&self.manifest)
    }

    fn new(document: &impl Serialize, kind: &str, blobs: Vec<Bytes>, children: Vec<Self>) -> Self {
        Self {
            media_type: kind.parse().expect("it is a media type"),
            manifest: serde_json::to_vec(document).expect("it serialises").into(),
            blobs,
            children,
            artifact_type: None,
            subject: None,
        }
    }

    fn descriptor(&self) -> Descriptor {
        descriptor(OciType::from(self.media_type.as_str()), &self.manifest)
    }
}

fn descriptor(media_type: OciType, bytes: &Bytes) -> Descriptor {
    DescriptorBuilder::default()
        .media_type(media_type)
        .size(bytes.len() as u64)
        .digest(digest(bytes).to_string().parse::<oci_spec::image::Digest>().expect("a digest"))
        .build()
        .expect("the descriptor is complete")
}

fn digest(bytes: &Bytes) -> Digest {
    Algorithm::Sha256.digest(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    #[test]
    fn a_sample_is_a_manifest_of_its_parts() {
        let image = Sample::image(1, 2);
        let index = Sample::index(vec![image.clone(), Sample::image(2, 0)]);
        let artifact = Sample::artifact(3, "a/b", &index);
        for sample in [&image, &index, &artifact] {
            let parsed = Manifest::parse(sample.manifest.clone(), Some(sample.media_type.clone()));
            let parsed = parsed.unwrap();
            let blobs: Vec<Digest> =
                parsed.config().into_iter().chain(parsed.layers()).map(|d| d.digest).collect();
            assert_eq!(blobs, sample.blobs.iter().map(digest).collect::<Vec<_>>());
            let children: Vec<Digest> = parsed.manifests().iter().map(|d| d.digest).collect();
            assert_eq!(children, sample.children.iter().map(Sample::digest).collect::<Vec<_>>());
        }
        let parsed = Manifest::parse(artifact.manifest.clone(), None).unwrap();
        assert_eq!(artifact.subject, Some(index.digest()));
        assert_eq!(parsed.subject().map(|subject| subject.digest), artifact.subject);
        assert_eq!(parsed.artifact_type(), artifact.artifact_type.as_deref());
    }
}
