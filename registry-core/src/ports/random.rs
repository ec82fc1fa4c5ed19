//! Randomness.

use auto_impl::auto_impl;

/// The only source of randomness, for identities and nonces. Its bytes must be unpredictable and
/// never repeat: an upload's id is a secret, and a record's nonce keeps data safe.
#[auto_impl(Arc)]
pub trait Random: Send + Sync + 'static {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// Sixteen fresh bytes.
pub(crate) fn fresh(random: &dyn Random) -> [u8; 16] {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    bytes
}
