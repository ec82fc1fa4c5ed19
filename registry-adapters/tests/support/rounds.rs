//! Whether tries of several sorts take the same time, on a machine that has other things to do.
//!
//! Whatever else runs can only make a try slower. So the sorts take turns, and of each block of turns
//! the fastest try of each sort counts. What slows a whole block slows every sort in it, so a sort is
//! compared with the first within each block, and its ratios of all blocks are a sample of how much
//! longer it takes by itself. Where the confidence interval of their median lies within [`BOUND`] it is
//! the same, and where it lies beyond it is not; in between, more blocks are tried, and of the last
//! of them the median itself decides.

use std::time::{Duration, Instant};

/// How many times as long as the first a sort may take, or the first as long as it.
pub(crate) const BOUND: f64 = 1.1;

/// After how many blocks the ratios are looked at.
const BLOCKS: usize = 49;
/// How often at the most.
const LOOKS: usize = 4;
/// In each block, in which the sorts take turns at being the first.
const TURNS: usize = 12;
/// How many times half the root of their number the ends of the interval are from the middle of the
/// sorted ratios, so that it has the true median in it 99 times of 100.
const CERTAIN: f64 = 2.58;

/// Tries each sort 588 times, or up to 2352 times where it is hard to tell.
///
/// # Panics
/// When one is not the same as the first.
pub(crate) async fn assert_the_same<T: Copy, const N: usize>(
    sorts: [T; N],
    attempt: impl AsyncFn(T),
) {
    let mut ratios = [const { Vec::new() }; N];
    for look in 1..=LOOKS {
        for _ in 0..BLOCKS {
            let fastest = block(&sorts, &attempt).await;
            for (ratios, of_block) in ratios.iter_mut().zip(fastest) {
                ratios.push(of_block.as_secs_f64() / fastest[0].as_secs_f64());
            }
        }
        let medians = ratios.each_mut().map(|ratios| median(ratios));
        if medians.iter().all(|[from, _, to]| is_within(*from) && is_within(*to)) {
            return;
        }
        let is_beyond = |[from, _, to]: &[f64; 3]| BOUND < *from || *to < 1.0 / BOUND;
        let goes_on = look < LOOKS || medians.iter().all(|[_, median, _]| is_within(*median));
        assert!(goes_on && !medians.iter().any(is_beyond), "not the same: {medians:.3?}");
    }
}

/// How long the fastest try of each sort took.
async fn block<T: Copy, const N: usize>(
    sorts: &[T; N],
    attempt: &impl AsyncFn(T),
) -> [Duration; N] {
    let mut fastest = [Duration::MAX; N];
    for turn in 0..TURNS {
        for sort in (0..N).map(|n| (n + turn) % N) {
            let began = Instant::now();
            attempt(sorts[sort]).await;
            fastest[sort] = fastest[sort].min(began.elapsed());
        }
    }
    fastest
}

/// The median, between the ends of its confidence interval.
fn median(ratios: &mut [f64]) -> [f64; 3] {
    ratios.sort_unstable_by(f64::total_cmp);
    let middle = ratios.len() / 2;
    let reach = (CERTAIN * (ratios.len() as f64).sqrt() / 2.0) as usize;
    [ratios[middle - reach], ratios[middle], ratios[middle + reach]]
}

fn is_within(ratio: f64) -> bool {
    1.0 / BOUND < ratio && ratio < BOUND
}
