//! Chance that can be replayed: everything a run does follows from one number.

/// A stream of numbers that follows from its seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

/// Bytes that follow from a seed, so that only the seed is kept of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payload {
    pub(crate) seed: u64,
    pub(crate) len: usize,
}

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("it is below a usize")
    }

    /// One of `from`, if there is any.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { from.get(self.below(from.len())) }
    }

    /// Fresh bytes: mostly a few kilobytes, now and then half a megabyte.
    pub(crate) fn payload(&mut self) -> Payload {
        let end = if self.below(8) == 0 { 512 << 10 } else { 8 << 10 };
        // Never so short that two of them could be equal.
        Payload { len: 16 + self.below(end), seed: self.next() }
    }
}

impl Payload {
    pub(crate) fn bytes(self) -> Vec<u8> {
        let mut dice = Dice(self.seed);
        let words = (0..self.len.div_ceil(8)).flat_map(|_| dice.next().to_le_bytes());
        words.take(self.len).collect()
    }
}
