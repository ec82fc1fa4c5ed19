//! Locks for very many things.

use std::{
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash},
    sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Locks for very many things: some share one.
///
/// A lock protects nothing in memory that a panic could leave half changed.
#[derive(Debug)]
pub(super) struct Stripes<L>(Box<[L]>);

impl<L: Default> Stripes<L> {
    pub(super) fn new(count: usize) -> Self {
        Self((0..count).map(|_| L::default()).collect())
    }

    fn of(&self, thing: &(impl Hash + ?Sized)) -> &L {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(thing);
        #[expect(clippy::cast_possible_truncation, reason = "any part of a hash will do")]
        let stripe = hash as usize % self.0.len();
        &self.0[stripe]
    }
}

impl Stripes<Mutex<()>> {
    pub(super) fn lock(&self, thing: &(impl Hash + ?Sized)) -> MutexGuard<'_, ()> {
        self.of(thing).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stripes<RwLock<()>> {
    pub(super) fn shared(&self, thing: &(impl Hash + ?Sized)) -> RwLockReadGuard<'_, ()> {
        self.of(thing).read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn alone(&self, thing: &(impl Hash + ?Sized)) -> RwLockWriteGuard<'_, ()> {
        self.of(thing).write().unwrap_or_else(PoisonError::into_inner)
    }
}
