//! The tokens whose signatures were right: a client shows the same one with every request of a pull,
//! and a signature takes longer to check than a manifest takes to be found.

use std::sync::{Arc, Mutex, PoisonError};

use registry_core::{identity::PrincipalKind, ports::VerifiedToken};
use sha2::{Digest, Sha256};

use super::{claims::Claims, key::Key};
use crate::recent::Recent;

/// How many are remembered, of 16 KiB at most.
const TOKENS: usize = 1024;

/// What was read of them, by their hashes. Only what was signed by one of our keys comes in.
pub(super) struct Verified(Mutex<Recent<Hash, Arc<Signed>>>);

/// What a token says, and who says so.
pub(super) struct Signed {
    pub(super) kind: PrincipalKind,
    pub(super) key: Arc<Key>,
    pub(super) claims: Claims,
    pub(super) says: VerifiedToken,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hash([u8; 32]);

impl Verified {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Recent::new(TOKENS)))
    }

    pub(super) fn get(&self, token: &Hash) -> Option<Arc<Signed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    pub(super) fn insert(&self, token: Hash, signed: Arc<Signed>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token, signed);
    }
}

impl Hash {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}
