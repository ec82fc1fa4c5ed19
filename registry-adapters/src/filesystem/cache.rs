//! A map of bounded weight.

use std::{
    borrow::Borrow,
    collections::{HashMap, VecDeque},
    fmt,
    hash::Hash,
    sync::atomic::{AtomicBool, Ordering},
};

/// Keeps what is used; when it grows too heavy, whatever was not used since it was last looked at
/// goes (the "second chance" algorithm).
pub(super) struct Cache<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// Every key once, in the order in which they are looked at.
    queue: VecDeque<K>,
    weight: usize,
    limit: usize,
    largest: usize,
}

struct Entry<V> {
    value: V,
    weight: usize,
    used: AtomicBool,
}

impl<K: Clone + Eq + Hash, V> Cache<K, V> {
    /// All entries together weigh at most `limit`, and each at most `largest`.
    pub(super) fn new(limit: usize, largest: usize) -> Self {
        Self { entries: HashMap::new(), queue: VecDeque::new(), weight: 0, limit, largest }
    }

    /// Puts a value in; what is too heavy is not kept.
    pub(super) fn insert(&mut self, key: K, value: V, weight: usize) {
        if weight > self.largest {
            return self.remove(&key);
        }
        self.weight += weight;
        if let Some(entry) = self.entries.get_mut(&key) {
            self.weight -= entry.weight;
            (entry.value, entry.weight) = (value, weight);
        } else {
            self.queue.push_back(key.clone());
            self.entries.insert(key, Entry { value, weight, used: AtomicBool::new(false) });
        }
        self.shrink();
    }

    /// Changes a value and says by how much its weight changes.
    pub(super) fn update<Q>(&mut self, key: &Q, change: impl FnOnce(&mut V) -> isize)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let by = change(&mut entry.value);
        entry.weight = entry.weight.saturating_add_signed(by);
        self.weight = self.weight.saturating_add_signed(by);
        if entry.weight > self.largest {
            self.remove(key);
        }
        self.shrink();
    }

    pub(super) fn remove<Q>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(entry) = self.entries.remove(key) {
            self.weight -= entry.weight;
            // Slow, and rare: what changes is replaced, and what is not used leaves at the front.
            self.queue.retain(|queued| queued.borrow() != key);
        }
    }

    pub(super) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let entry = self.entries.get(key)?;
        entry.used.store(true, Ordering::Relaxed);
        Some(&entry.value)
    }

    fn shrink(&mut self) {
        while self.weight > self.limit {
            let Some(key) = self.queue.pop_front() else { return };
            let Some(entry) = self.entries.get(&key) else { continue };
            if entry.used.swap(false, Ordering::Relaxed) {
                self.queue.push_back(key);
            } else {
                self.weight -= entry.weight;
                self.entries.remove(&key);
            }
        }
    }
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries of {} bytes", self.entries.len(), self.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut cache = Cache::new(100, 25);
        (0..10).for_each(|key| cache.insert(key, key, 10));
        assert_eq!(cache.get(&0), Some(&0));
        (10..19).for_each(|key| cache.insert(key, key, 10));
        let left: Vec<i32> = (0..20).filter(|key| cache.get(key).is_some()).collect();
        assert_eq!(left, [0, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
    }

    #[test]
    fn the_weight_is_that_of_the_entries() {
        let mut cache = Cache::new(100, 25);
        cache.insert("a", 1, 20);
        cache.insert("a", 2, 5);
        cache.insert("b", 3, 20);
        cache.update("b", |value| {
            *value += 1;
            4
        });
        assert_eq!((cache.weight, cache.get("a"), cache.get("b")), (29, Some(&2), Some(&4)));
        cache.update("b", |_| 2);
        assert_eq!((cache.weight, cache.get("b")), (5, None), "it became too heavy");
        cache.insert("c", 5, 26);
        cache.insert("a", 6, 26);
        assert_eq!((cache.weight, cache.entries.len(), cache.queue.len()), (0, 0, 0));
    }
}
