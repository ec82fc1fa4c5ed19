//! `referrer/<repository id>/<subject>/<digest>`: a manifest that refers to another.

use serde::{Deserialize, Serialize};

use super::{Nonce, Typed};
use crate::descriptor::Descriptor;

/// An entry of a list of referrers. As a tag, it counts only while the manifest of its
/// incarnation is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "a referrer is this pair")]
pub struct ReferrerRecord {
    /// The referring manifest as the list shows it.
    pub descriptor: Descriptor,
    /// Which life of it.
    pub incarnation: Nonce,
}

impl Typed for ReferrerRecord {
    const KIND: &'static str = "referrer";
}
