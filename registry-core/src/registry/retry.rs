//! How often a use case starts over when others are faster.

use std::ops::Range;

/// Each lost round means that another request moved on, so this many in a row are a sign of
/// something else; the client then gets 503 and tries again.
pub(super) const ROUNDS: Range<u32> = 0..16;
