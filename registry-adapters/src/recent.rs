//! A map that forgets.

use std::collections::BTreeMap;

/// A value for each of so many keys; for one more, the oldest is dropped.
pub(crate) struct Recent<K, V> {
    capacity: usize,
    entries: BTreeMap<K, (u64, V)>,
    /// The keys by when they were inserted.
    order: BTreeMap<u64, K>,
    next: u64,
}

impl<K: Copy + Ord, V> Recent<K, V> {
    /// An empty map with room for so many, which are not none.
    pub(crate) const fn new(capacity: usize) -> Self {
        Self { capacity, entries: BTreeMap::new(), order: BTreeMap::new(), next: 0 }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let (at, value) = self.entries.remove(key)?;
        self.order.remove(&at);
        Some(value)
    }

    /// Puts a value in the place of the last one of this key. It is the newest now.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.remove(&key);
        while self.entries.len() >= self.capacity
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.entries.remove(&oldest);
        }
        self.order.insert(self.next, key);
        self.entries.insert(key, (self.next, value));
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_dropped_and_what_is_put_again_is_new() {
        let [a, b, c, d] = [1, 2, 3, 4];
        let mut recent = Recent::new(3);
        for key in [a, b, c, a, d] {
            recent.insert(key, ());
        }
        let kept = [a, b, c, d].map(|key| recent.get(&key).is_some());
        assert_eq!(kept, [true, false, true, true]);
        assert_eq!((recent.entries.len(), recent.order.len()), (3, 3));
        assert_eq!((recent.remove(&a), recent.remove(&a)), (Some(()), None));
        assert_eq!((recent.entries.len(), recent.order.len()), (2, 2));
    }
}
