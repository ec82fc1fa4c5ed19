//! Futures that are polled by hand.

use std::{
    future::{Future, poll_fn},
    mem,
    pin::pin,
    task::{Context, Poll, Waker},
    thread,
};

/// How often a future is polled before it is dropped: each clause about dropping tries them all.
pub(super) const DROPPED_AFTER: [usize; 4] = [0, 1, 2, 3];

/// Polls a future some times, then drops it.
pub(super) async fn drop_after<T>(polls: usize, future: impl Future<Output = T>) {
    let mut future = pin!(future);
    for _ in 0..polls {
        if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        give_way().await;
    }
}

/// Lets other tasks and other threads go on.
pub(super) async fn give_way() {
    let mut given = false;
    poll_fn(|context| {
        thread::yield_now();
        context.waker().wake_by_ref();
        if mem::replace(&mut given, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
