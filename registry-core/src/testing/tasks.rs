//! Tasks that run when a test says.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use crate::ports::Tasks;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Keeps the work that is spawned, and does it on the caller's own thread while the caller waits
/// for something: no runtime is needed, and every run is the same.
///
/// Dropping it drops the work that is left, as a server that stops does.
#[derive(Default)]
pub struct ManualTasks(Mutex<Vec<Work>>);

impl ManualTasks {
    /// Awaits something, and does the spawned work meanwhile.
    pub async fn run_while<T>(&self, waiting: impl Future<Output = T>) -> T {
        let mut waiting = pin!(waiting);
        poll_fn(|context| {
            let answer = waiting.as_mut().poll(context);
            if answer.is_pending() && self.poll_work(context) {
                // Some of it ended, which may be what is waited for.
                context.waker().wake_by_ref();
            }
            answer
        })
        .await
    }

    /// Does all the work that is left, and what that spawns, to its end.
    pub async fn finish(&self) {
        poll_fn(|context| {
            while self.poll_work(context) {}
            if self.left() == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// How many pieces of work have not ended.
    #[must_use]
    pub fn left(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Polls each piece of work once, and says whether any ended.
    fn poll_work(&self, context: &mut Context<'_>) -> bool {
        // Not under the lock: work may spawn more.
        let mut work = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let before = work.len();
        work.retain_mut(|work| work.as_mut().poll(context).is_pending());
        let ended = work.len() < before;
        let mut spawned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let news = !spawned.is_empty();
        work.append(&mut spawned);
        *spawned = work;
        ended || news
    }
}

impl Tasks for ManualTasks {
    fn spawn(&self, work: Work) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(work);
    }
}

impl std::fmt::Debug for ManualTasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ManualTasks").field("left", &self.left()).finish()
    }
}
