//! Descriptors (image-spec, `descriptor.md`).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{digest::Digest, media_type::MediaType};

/// What a manifest says of a content it refers to.
///
/// Only the fields that a registry reads or answers; the others stay in the manifest's bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Descriptor {
    /// The media type of the content.
    pub media_type: MediaType,
    /// The digest of the content.
    pub digest: Digest,
    /// The size of the content in bytes; never negative.
    #[serde(deserialize_with = "size")]
    pub size: u64,
    /// What kind of artifact the content is, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Annotations, sorted by key.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// A descriptor without artifact type and annotations.
    #[must_use]
    pub const fn new(media_type: MediaType, digest: Digest, size: u64) -> Self {
        Self { media_type, digest, size, artifact_type: None, annotations: BTreeMap::new() }
    }
}

/// `descriptor.md`: "size" is an int64 and MUST NOT be negative.
fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let size = i64::deserialize(deserializer)?;
    u64::try_from(size).map_err(|_| serde::de::Error::custom("a descriptor's size is negative"))
}

/// Go writes an absent map or list as `null`.
pub(crate) fn null_as_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_map, option, prelude::*};

    use super::*;
    use crate::digest::Algorithm;

    fn descriptor() -> impl Strategy<Value = Descriptor> {
        let media_type = "[a-z]{1,12}/[a-z0-9][a-z0-9.+-]{0,40}";
        let algorithm = prop::sample::select(&Algorithm::ALL[..]);
        let size = 0..=i64::MAX as u64;
        let annotations = btree_map(any::<String>(), any::<String>(), 0..4);
        let fields = (media_type, algorithm, any::<[u8; 8]>(), size);
        (fields, option::of(any::<String>()), annotations).prop_map(
            |((media_type, algorithm, seed, size), artifact_type, annotations)| Descriptor {
                artifact_type,
                annotations,
                ..Descriptor::new(media_type.parse().unwrap(), algorithm.digest(&seed), size)
            },
        )
    }

    proptest! {
        #[test]
        fn json_and_back_is_the_same_descriptor(descriptor in descriptor()) {
            let json = serde_json::to_string(&descriptor).unwrap();
            prop_assert_eq!(serde_json::from_str::<Descriptor>(&json).unwrap(), descriptor);
        }

        #[test]
        fn a_size_that_is_negative_or_no_int64_is_refused(
            descriptor in descriptor(),
            negative in i64::MIN..0,
            huge in i64::MAX as u64 + 1..,
        ) {
            for size in [serde_json::json!(negative), serde_json::json!(huge)] {
                let mut json = serde_json::to_value(&descriptor).unwrap();
                json["size"] = size;
                prop_assert!(serde_json::from_value::<Descriptor>(json).is_err());
            }
        }
    }
}
