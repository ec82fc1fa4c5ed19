//! Manifests: the exact bytes that were pushed, and what a registry reads in them.

mod json;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;

use crate::{
    descriptor::{Descriptor, null_as_default},
    digest::{Algorithm, Digest},
    media_type::MediaType,
};

/// A manifest or index that was parsed, and its exact bytes.
///
/// Read are: OCI image manifest and index, Docker schema 2 manifest and list. Fields that a
/// registry does not know are kept, since nothing is ever serialised again (distribution-spec,
/// "Pushing Manifests": MUST store the exact byte representation).
#[derive(Clone, Debug)]
pub struct Manifest {
    bytes: Bytes,
    media_type: MediaType,
    document: Document,
}

/// Why bytes are not a manifest of this media type (`MANIFEST_INVALID`).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// No JSON object with the fields that a manifest has.
    #[error("the manifest is malformed: {0}")]
    Malformed(String),
    /// Schema 1 or another schema that is not 2.
    #[error("schemaVersion must be 2")]
    SchemaVersion,
    /// A media type that names no kind of manifest.
    #[error("'{0}' is not the media type of a manifest or index")]
    UnknownMediaType(MediaType),
    /// Neither the request nor the document says what the document is.
    #[error("neither Content-Type nor the manifest's mediaType says what the manifest is")]
    NoMediaType,
    /// The `Content-Type` of the request and the `mediaType` of the document differ.
    #[error("Content-Type is '{header}', but the manifest's mediaType is '{body}'")]
    MediaTypeDiffers {
        /// What the request said.
        header: MediaType,
        /// What the document says.
        body: MediaType,
    },
    /// A manifest of Docker's that does not say itself that it is one.
    #[error("a manifest of the type '{0}' must have it as its mediaType")]
    Unsaid(MediaType),
    /// A document that can be read as an image and as an index (as in CVE-2021-41190), or that
    /// lacks what its media type demands.
    #[error(
        "an image has 'config' and no 'manifests'; an index has 'manifests' and neither 'config' nor 'layers'"
    )]
    Shape,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u64,
    media_type: Option<MediaType>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Presence,
    #[serde(default)]
    manifests: Presence,
    subject: Option<Descriptor>,
    artifact_type: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    annotations: BTreeMap<String, String>,
}

/// A list that may be absent, which is not the same as empty.
#[derive(Clone, Debug, Default)]
struct Presence(Option<Vec<Descriptor>>);

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        null_as_default(deserializer).map(|list| Self(Some(list)))
    }
}

impl Manifest {
    /// The largest manifest in bytes. The spec has registries accept 4 MB at least
    /// (distribution-spec, "Pushing Manifests"), and clients refuse more than 4 MiB.
    pub const MAX_SIZE: usize = 4 << 20;

    /// Parses a manifest that was pushed with this `Content-Type`, if any.
    ///
    /// The same bytes are never of two types, whatever `Content-Type` they come with: those without a
    /// `mediaType` are OCI's, and their shape tells image from index. So nobody who pushes bytes again
    /// changes what a tag stands for (decision D28).
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub fn parse(bytes: Bytes, content_type: Option<MediaType>) -> Result<Self, ManifestError> {
        json::refuse_duplicate_keys(&bytes)?;
        let document: Document = serde_json::from_slice(&bytes).map_err(ManifestError::from)?;
        if document.schema_version != 2 {
            return Err(ManifestError::SchemaVersion);
        }
        let media_type = match (content_type, &document.media_type) {
            (Some(header), Some(body)) if header != *body => {
                return Err(ManifestError::MediaTypeDiffers { header, body: body.clone() });
            }
            (Some(header), None) if header.is_dockers() => {
                return Err(ManifestError::Unsaid(header));
            }
            (Some(media_type), _) => media_type,
            (None, Some(media_type)) => media_type.clone(),
            (None, None) => return Err(ManifestError::NoMediaType),
        };
        document.has_shape_of(&media_type)?;
        Ok(Self { bytes, media_type, document })
    }

    /// The exact bytes.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What it is.
    #[must_use]
    pub const fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// The digest of its bytes.
    #[must_use]
    pub fn digest(&self, algorithm: Algorithm) -> Digest {
        algorithm.digest(&self.bytes)
    }

    /// The configuration of an image.
    #[must_use]
    pub const fn config(&self) -> Option<&Descriptor> {
        self.document.config.as_ref()
    }

    /// The layers of an image; empty for an index.
    #[must_use]
    pub fn layers(&self) -> &[Descriptor] {
        self.document.layers.0.as_deref().unwrap_or_default()
    }

    /// The children of an index; empty for an image.
    #[must_use]
    pub fn manifests(&self) -> &[Descriptor] {
        self.document.manifests.0.as_deref().unwrap_or_default()
    }

    /// The manifest that this one refers to, which need not exist.
    #[must_use]
    pub const fn subject(&self) -> Option<&Descriptor> {
        self.document.subject.as_ref()
    }

    /// The annotations.
    #[must_use]
    pub const fn annotations(&self) -> &BTreeMap<String, String> {
        &self.document.annotations
    }

    /// What kind of artifact it is: its `artifactType`, else an image's `config.mediaType`
    /// (distribution-spec, "Listing Referrers").
    #[must_use]
    pub fn artifact_type(&self) -> Option<&str> {
        let own = self.document.artifact_type.as_deref().filter(|text| !text.is_empty());
        own.or_else(|| self.config().map(|config| config.media_type.as_str()))
    }

    /// Its descriptor as a list of referrers shows it.
    #[must_use]
    pub fn descriptor(&self, digest: Digest) -> Descriptor {
        Descriptor {
            media_type: self.media_type.clone(),
            digest,
            size: self.bytes.len() as u64,
            artifact_type: self.artifact_type().map(str::to_owned),
            annotations: self.annotations().clone(),
        }
    }
}

impl Document {
    fn has_shape_of(&self, media_type: &MediaType) -> Result<(), ManifestError> {
        let is_index = match media_type.as_str() {
            MediaType::OCI_MANIFEST | MediaType::DOCKER_MANIFEST => false,
            MediaType::OCI_INDEX | MediaType::DOCKER_LIST => true,
            _ => return Err(ManifestError::UnknownMediaType(media_type.clone())),
        };
        let looks_like_image = self.config.is_some() && self.manifests.0.is_none();
        let looks_like_index =
            self.manifests.0.is_some() && self.config.is_none() && self.layers.0.is_none();
        let fits = if is_index { looks_like_index } else { looks_like_image };
        if fits { Ok(()) } else { Err(ManifestError::Shape) }
    }
}

impl From<serde_json::Error> for ManifestError {
    fn from(error: serde_json::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

#[cfg(test)]
mod tests;
