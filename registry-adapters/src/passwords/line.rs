//! Who waits for a turn, and who is next.

use std::collections::{BTreeMap, VecDeque};

use super::fingerprint::Fingerprint;

/// Who wants a turn.
#[derive(Clone, Copy)]
pub(crate) struct Standing {
    /// Whether it is somebody who was right from there before, or who commands the server.
    pub(super) is_known: bool,
    /// Where from, as far as that is known.
    pub(super) address: Option<Fingerprint>,
}

impl Standing {
    /// Of somebody from nowhere.
    pub(super) const STRANGER: Self = Self { is_known: false, address: None };
    /// Of whoever commands the server.
    #[cfg(feature = "accounts")]
    pub(crate) const COMMAND: Self = Self { is_known: true, address: None };
}

/// Those who wait: whoever is known goes before all strangers, so that a flood of these keeps none of
/// those waiting. Dropping one of them turns it away.
pub(super) struct Line<T> {
    known: Queue<T>,
    strangers: Queue<T>,
}

/// Addresses by turns, each with those that wait there.
struct Queue<T> {
    capacity: usize,
    len: usize,
    /// Each address that is waiting, once.
    turns: VecDeque<Option<Fingerprint>>,
    /// What came first is first.
    waiting: BTreeMap<Option<Fingerprint>, VecDeque<T>>,
}

impl<T> Line<T> {
    /// With so many places for those who are known, and as many for strangers.
    pub(super) const fn new(capacity: usize) -> Self {
        Self { known: Queue::new(capacity), strangers: Queue::new(capacity) }
    }

    /// One more, or one less: where all places are taken, the last one of the address that has most
    /// of them is turned away, which may be the new one.
    pub(super) fn push(&mut self, standing: Standing, waiting: T) {
        let queue = if standing.is_known { &mut self.known } else { &mut self.strangers };
        queue.push(standing.address, waiting);
    }

    /// The next.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.known.pop().or_else(|| self.strangers.pop())
    }
}

impl<T> Queue<T> {
    const fn new(capacity: usize) -> Self {
        Self { capacity, len: 0, turns: VecDeque::new(), waiting: BTreeMap::new() }
    }

    fn push(&mut self, from: Option<Fingerprint>, waiting: T) {
        if self.len == self.capacity {
            let ours = self.waiting.get(&from).map_or(0, VecDeque::len);
            let most = self.waiting.values_mut().max_by_key(|queue| queue.len());
            let Some(most) = most.filter(|most| most.len() > ours + 1) else { return };
            most.pop_back();
            self.len -= 1;
        }
        let queue = self.waiting.entry(from).or_default();
        if queue.is_empty() {
            self.turns.push_back(from);
        }
        queue.push_back(waiting);
        self.len += 1;
    }

    fn pop(&mut self) -> Option<T> {
        let from = self.turns.pop_front()?;
        let queue = self.waiting.get_mut(&from)?;
        let next = queue.pop_front()?;
        if queue.is_empty() {
            self.waiting.remove(&from);
        } else {
            self.turns.push_back(from);
        }
        self.len -= 1;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: u8, is_known: bool) -> Standing {
        Standing { is_known, address: Some([address; 32].into()) }
    }

    fn drain(mut line: Line<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| line.pop()).collect()
    }

    #[test]
    fn whoever_is_known_goes_before_strangers_and_each_address_has_its_turn() {
        let mut line = Line::new(9);
        for (address, is_known, who) in [
            (1, false, "a1"),
            (1, false, "a2"),
            (1, false, "a3"),
            (2, false, "b1"),
            (3, true, "known"),
            (2, false, "b2"),
        ] {
            line.push(from(address, is_known), who);
        }
        assert_eq!(drain(line), ["known", "a1", "b1", "a2", "b2", "a3"]);
    }

    #[test]
    fn for_one_too_many_whoever_has_most_places_gives_one_up() {
        let mut line = Line::new(3);
        for (address, who) in [(1, "a1"), (1, "a2"), (1, "a3"), (1, "a4"), (2, "b1"), (2, "b2")] {
            line.push(from(address, false), who);
        }
        line.push(from(3, false), "c1");
        line.push(from(4, false), "d1");
        line.push(from(4, true), "known");
        assert_eq!(drain(line), ["known", "a1", "b1", "c1"]);
    }
}
