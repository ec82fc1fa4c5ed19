//! Whether tries of several sorts take the same time, on a machine that has other things to do.
//!
//! Whatever else runs can only make a try slower. So the sorts take turns, and of each block of turns
//! the fastest try of each sort counts; of the blocks, the median. A sort that takes longer by itself
//! does so in every block. What is left is within a few per cent, and [`BOUND`] is what is claimed.

use std::time::{Duration, Instant};

/// How many times as long as any other a sort may take.
pub(crate) const BOUND: f64 = 1.5;

const BLOCKS: usize = 25;
/// In each block; each sort is as often the first.
const TURNS: usize = 16;

/// Tries each sort 400 times.
///
/// # Panics
/// When one takes longer than [`BOUND`] times another.
pub(crate) async fn assert_the_same<T: Copy, const N: usize>(
    sorts: [T; N],
    attempt: impl AsyncFn(T),
) {
    let mut fastest = [const { Vec::new() }; N];
    for _ in 0..BLOCKS {
        let mut block = [Duration::MAX; N];
        for turn in 0..TURNS {
            for sort in (0..N).map(|n| (n + turn) % N) {
                let began = Instant::now();
                attempt(sorts[sort]).await;
                block[sort] = block[sort].min(began.elapsed());
            }
        }
        for (fastest, of_block) in fastest.iter_mut().zip(block) {
            fastest.push(of_block);
        }
    }
    let medians = fastest.map(|mut times| {
        times.sort_unstable();
        times[BLOCKS / 2]
    });
    let (least, most) = (medians.iter().min(), medians.iter().max());
    let (least, most) = least.zip(most).expect("some");
    assert!(*most < least.mul_f64(BOUND), "{medians:?}");
}
