//! Media types (RFC 6838), as descriptors and `Content-Type` carry them.

use std::{fmt, str::FromStr, sync::Arc};

/// A media type without parameters: `type/subtype`, each at most 127 characters
/// (RFC 6838 section 4.2; image-spec, `descriptor.md`, "mediaType").
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaType(Arc<str>);

/// The text is not a media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a media type is 'type/subtype' as RFC 6838 section 4.2 defines it")]
pub struct MediaTypeError;

impl MediaType {
    /// `application/vnd.oci.image.manifest.v1+json`
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// `application/vnd.oci.image.index.v1+json`
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// `application/vnd.docker.distribution.manifest.v2+json`
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// `application/vnd.docker.distribution.manifest.list.v2+json`
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

    /// Layers that are not pushed, by media type and never by `urls` (image-spec, `layer.md`,
    /// "Non-Distributable Layers"), and Docker's foreign layer.
    const NON_DISTRIBUTABLE: [&str; 4] = [
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ];

    /// Reads a `Content-Type` header, whose parameters say nothing to a registry
    /// (distribution-spec, "Pushing Manifests": SHOULD be ignored).
    ///
    /// # Errors
    /// When what stands before the first `;` is not a media type.
    pub fn from_content_type(header: &str) -> Result<Self, MediaTypeError> {
        header.split(';').next().unwrap_or_default().trim().parse()
    }

    /// The media type as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one of Docker's manifests or lists.
    pub(crate) fn is_dockers(&self) -> bool {
        matches!(self.as_str(), Self::DOCKER_MANIFEST | Self::DOCKER_LIST)
    }

    /// Whether a blob of this type may be absent from the registry.
    #[must_use]
    pub fn is_non_distributable(&self) -> bool {
        Self::NON_DISTRIBUTABLE.contains(&self.as_str())
    }
}

impl FromStr for MediaType {
    type Err = MediaTypeError;

    fn from_str(text: &str) -> Result<Self, MediaTypeError> {
        let (kind, subtype) = text.split_once('/').ok_or(MediaTypeError)?;
        let fits = is_restricted_name(kind) && is_restricted_name(subtype);
        if fits { Ok(Self(text.into())) } else { Err(MediaTypeError) }
    }
}

/// `restricted-name` of RFC 6838 section 4.2.
fn is_restricted_name(text: &str) -> bool {
    let goes_on = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
    (1..=127).contains(&text.len())
        && text.as_bytes()[0].is_ascii_alphanumeric()
        && text.bytes().all(goes_on)
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MediaType({})", self.0)
    }
}

crate::text::serde_as_text!(MediaType);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_of_a_content_type_are_ignored() {
        let parsed = MediaType::from_content_type(" text/plain ; charset=utf-8").unwrap();
        assert_eq!(parsed.as_str(), "text/plain");
    }

    #[test]
    fn odd_media_types_are_refused() {
        for bad in ["", "a", "a/", "/b", "a/b/c", "a b/c", "a/b;c", "*/*", "+a/b", "a/b\r\nX: y"] {
            assert!(bad.parse::<MediaType>().is_err(), "{bad:?}");
        }
        assert!(format!("a/{}", "b".repeat(128)).parse::<MediaType>().is_err());
    }

    proptest! {
        #[test]
        fn every_word_of_the_grammar_parses_and_prints_back(
            text in "[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,126}/[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,126}",
            parameters in "( ?;[ -~]{0,20})?",
        ) {
            let media_type: MediaType = text.parse().unwrap();
            let header = format!("{text}{parameters}");
            prop_assert_eq!(media_type.to_string(), text);
            prop_assert_eq!(MediaType::from_content_type(&header), Ok(media_type));
        }

        #[test]
        fn what_has_a_byte_outside_the_grammar_is_refused(
            before in "[a-z0-9]{1,10}(/[a-z0-9]{1,10})?",
            odd in "[^a-zA-Z0-9!#$&^_.+/-]",
            after in "[a-z0-9]{0,10}/?[a-z0-9]{0,10}",
        ) {
            let text = format!("{before}{odd}{after}");
            prop_assert!(text.parse::<MediaType>().is_err());
        }

        #[test]
        fn what_is_not_two_names_is_refused(
            names in prop::collection::vec("[a-z0-9]{1,5}", 0..5)
                .prop_filter("two names are a media type", |names| names.len() != 2),
        ) {
            prop_assert!(names.join("/").parse::<MediaType>().is_err());
        }
    }
}
