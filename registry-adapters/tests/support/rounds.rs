//! Whether tries of several sorts take the same time, on a machine that has other things to do.
//!
//! Whatever else runs can only make a try slower. So the sorts take turns, and of each block of turns
//! the fastest try of each sort counts. What slows a whole block slows every sort in it, so a sort is
//! compared with the first within each block, and its ratios of all blocks are a sample of how much
//! longer it takes by itself. It is the same where the confidence interval of their median lies
//! within [`BOUND`]: a sample that is too noisy to tell is not.

use std::time::{Duration, Instant};

/// How many times as long as the first a sort may take, or the first as long as it.
pub(crate) const BOUND: f64 = 1.1;

/// Odd, so that one is in the middle.
const BLOCKS: usize = 49;
/// In each block, in which the sorts take turns at being the first.
const TURNS: usize = 8;
/// How far from the middle of the sorted ratios the ends of the interval are, so that it has the true
/// median in it 99 times of 100: 2.58 times half the root of [`BLOCKS`].
const REACH: usize = 9;

/// Tries each sort 392 times.
///
/// # Panics
/// When one is not the same as the first.
pub(crate) async fn assert_the_same<T: Copy, const N: usize>(
    sorts: [T; N],
    attempt: impl AsyncFn(T),
) {
    let mut ratios = [const { Vec::new() }; N];
    for _ in 0..BLOCKS {
        let mut fastest = [Duration::MAX; N];
        for turn in 0..TURNS {
            for sort in (0..N).map(|n| (n + turn) % N) {
                let began = Instant::now();
                attempt(sorts[sort]).await;
                fastest[sort] = fastest[sort].min(began.elapsed());
            }
        }
        for (ratios, of_block) in ratios.iter_mut().zip(fastest) {
            ratios.push(of_block.as_secs_f64() / fastest[0].as_secs_f64());
        }
    }
    let intervals = ratios.map(|mut ratios| {
        ratios.sort_unstable_by(f64::total_cmp);
        [ratios[BLOCKS / 2 - REACH], ratios[BLOCKS / 2 + REACH]]
    });
    let is_the_same = |[from, to]: &[f64; 2]| 1.0 / BOUND < *from && *to < BOUND;
    assert!(intervals.iter().all(is_the_same), "not the same: {intervals:.3?}");
}
