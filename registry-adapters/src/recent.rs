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

    #[cfg(any(test, feature = "accounts", all(feature = "htpasswd", unix)))]
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The keys and their values, the oldest first.
    #[cfg(any(test, feature = "accounts", all(feature = "htpasswd", unix)))]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.order.values().filter_map(|key| Some((key, self.get(key)?)))
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let (at, value) = self.entries.remove(key)?;
        self.order.remove(&at);
        Some(value)
    }

    /// The value of a key, which is the newest now.
    #[cfg(all(feature = "jwt", unix))]
    pub(crate) fn touch(&mut self, key: &K) -> Option<&V> {
        let (at, value) = self.entries.get_mut(key)?;
        self.order.remove(at);
        self.order.insert(self.next, *key);
        *at = self.next;
        self.next += 1;
        Some(value)
    }

    /// Drops the oldest, and the next, for as long as they are over.
    #[cfg(all(feature = "jwt", unix))]
    pub(crate) fn drop_oldest(&mut self, is_over: impl Fn(&V) -> bool) {
        while let Some(oldest) = self.order.first_entry()
            && self.entries.get(oldest.get()).is_none_or(|(_, value)| is_over(value))
        {
            self.entries.remove(&oldest.remove());
        }
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

    #[cfg(all(feature = "jwt", unix))]
    #[test]
    fn what_is_touched_stays_and_what_is_over_goes() {
        let mut recent = Recent::new(3);
        for key in [1, 2, 3] {
            recent.insert(key, key * 10);
        }
        assert_eq!(recent.touch(&1), Some(&10));
        assert_eq!(recent.touch(&4), None);
        recent.insert(4, 40);
        let kept = |recent: &Recent<i32, i32>| [1, 2, 3, 4].map(|key| recent.get(&key).is_some());
        assert_eq!(kept(&recent), [true, false, true, true]);
        recent.drop_oldest(|value| [10, 30].contains(value));
        assert_eq!(kept(&recent), [false, false, false, true]);
        assert_eq!((recent.entries.len(), recent.order.len()), (1, 1));
    }
}
