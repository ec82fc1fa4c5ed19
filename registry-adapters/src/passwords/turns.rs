//! One hash at a time for each core to spare.

use std::{
    collections::VecDeque,
    fmt,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use futures::future::{self, Either};
use registry_core::ports::{AuthenticationError, Clock};
use tokio::sync::oneshot;

use super::line::{Line, Standing};

/// How long a password waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// When to come back if that was not enough.
const COME_BACK: Duration = Duration::from_secs(1);
/// How many wait for each thread: argon2id at its default cost computes as many within the patience,
/// and no more are kept waiting in vain.
const PLACES: usize = 64;

/// Turns at computing the hash of a password: as many at a time as the machine has cores but one,
/// and one where it has one. Clones are the same turns.
///
/// The hashes are computed on threads of their own, which start when they are needed and end with the
/// last clone. They have a lower priority than the rest of the process (Linux), and each keeps
/// the memory of a hash (19 MiB of the default one) for the next.
///
/// Whoever was right before from where they are now goes before strangers. Those wait by turns of
/// their addresses, and are turned away at once where too many of them do.
#[derive(Clone)]
pub struct Turns(Arc<Owner>);

/// What a thread keeps from one hash to the next.
#[derive(Default)]
pub(crate) struct Scratch {
    /// argon2's memory: allocated for each hash, it would stay with the allocator of whichever
    /// thread that was computed on.
    #[cfg(feature = "accounts")]
    pub(crate) blocks: Vec<argon2::Block>,
}

/// Ends the threads when it is dropped.
struct Owner(Arc<Pool>);

struct Pool {
    state: Mutex<State>,
    /// Something has begun, or all is over.
    changed: Condvar,
}

struct State {
    /// How many turns nobody has.
    free: usize,
    turns: usize,
    threads: usize,
    /// What has a turn, and no thread yet.
    begun: VecDeque<Work>,
    line: Line<Job>,
    is_over: bool,
}

/// Computes a hash, and gives what tells it.
type Work = Box<dyn FnOnce(&mut Scratch) -> Answer + Send>;
type Answer = Box<dyn FnOnce() + Send>;

struct Job {
    /// Tells whoever waits that it is their turn. It cannot where nobody does any more.
    begins: oneshot::Sender<()>,
    work: Work,
}

impl Default for Turns {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self::new(cores.saturating_sub(1).max(1))
    }
}

impl Turns {
    fn new(turns: usize) -> Self {
        let state = State {
            free: turns,
            turns,
            threads: 0,
            begun: VecDeque::new(),
            line: Line::new(PLACES * turns),
            is_over: false,
        };
        Self(Arc::new(Owner(Arc::new(Pool { state: Mutex::new(state), changed: Condvar::new() }))))
    }

    /// Computes a hash when it is its turn. Whoever gives up before that is not waited for; what
    /// has begun goes on to its end.
    ///
    /// # Errors
    /// `Throttled` where the turn does not come soon enough; `Unavailable` where it panicked, or
    /// there is no thread.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        standing: Standing,
        clock: &dyn Clock,
        hash: impl FnOnce(&mut Scratch) -> T + Send + 'static,
    ) -> Result<T, AuthenticationError> {
        let (begins, turn) = oneshot::channel();
        let (done, result) = oneshot::channel();
        let work = |scratch: &mut Scratch| {
            let computed = hash(scratch);
            // It does not matter to the hash whether somebody still waits.
            Box::new(|| drop(done.send(computed))) as Answer
        };
        self.0.0.enter(standing, Job { begins, work: Box::new(work) });
        match future::select(pin!(turn), clock.sleep(PATIENCE)).await {
            Either::Left((Ok(()), _)) => {
                result.await.map_err(|error| AuthenticationError::Unavailable(Box::new(error)))
            }
            _ => Err(AuthenticationError::Throttled { retry_after: COME_BACK }),
        }
    }
}

impl Pool {
    /// Begins where a turn is free, else waits in the line.
    fn enter(self: &Arc<Self>, standing: Standing, job: Job) {
        let mut state = self.state();
        if state.free == 0 {
            return state.line.push(standing, job);
        }
        let Some(work) = job.begin() else { return };
        state.free -= 1;
        state.begun.push_back(work);
        if state.threads < state.turns - state.free {
            self.start_thread(&mut state);
        }
        self.changed.notify_one();
    }

    fn start_thread(self: &Arc<Self>, state: &mut State) {
        let pool = Arc::clone(self);
        match thread::Builder::new().name("passwords".to_owned()).spawn(move || pool.run()) {
            Ok(_) => state.threads += 1,
            // The others do it.
            Err(error) if state.threads > 0 => {
                tracing::warn!(%error, "there is one thread less for passwords");
            }
            Err(error) => {
                tracing::error!(%error, "there is no thread for passwords");
                state.free = state.turns;
                state.begun.clear();
            }
        }
    }

    /// What a thread does.
    fn run(&self) {
        lower_priority();
        let mut scratch = Scratch::default();
        let mut state = self.state();
        while !state.is_over {
            let Some(work) = state.begun.pop_front() else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(state);
            // What is left in the scratch says nothing to the next.
            let answer = catch_unwind(AssertUnwindSafe(|| work(&mut scratch)));
            self.state().end_turn();
            // After the turn, so that whoever is told finds it free. Of a panic the channel tells.
            if let Ok(answer) = answer {
                answer();
            }
            state = self.state();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives a turn that is over to the next who still waits.
    fn end_turn(&mut self) {
        while let Some(job) = self.line.pop() {
            if let Some(work) = job.begin() {
                return self.begun.push_back(work);
            }
        }
        self.free += 1;
    }
}

impl Job {
    fn begin(self) -> Option<Work> {
        self.begins.send(()).ok().map(|()| self.work)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.state().is_over = true;
        self.0.changed.notify_all();
    }
}

/// A core that serves requests is not taken from them: Linux has a priority for each thread. Where
/// that cannot be lowered, it goes without.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICER) {
        tracing::debug!(%error, "passwords are hashed at the priority of the rest");
    }
}

/// With it a thread has a tenth of a core where another wants all of it.
#[cfg(target_os = "linux")]
const NICER: i32 = 10;

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").field("turns", &self.0.0.state().turns).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use registry_core::testing::PatientClock;

    use super::*;
    use crate::system::SystemClock;

    const STRANGER: Standing = Standing::STRANGER;

    fn throttled<T>(result: &Result<T, AuthenticationError>) -> bool {
        matches!(result, Err(AuthenticationError::Throttled { .. }))
    }

    #[tokio::test]
    async fn a_flood_of_strangers_is_turned_away_at_once_and_whoever_is_known_goes_first() {
        let clock = PatientClock::default();
        let turns = Turns::new(1);
        let (go, gate) = mpsc::channel();
        let (told, order) = mpsc::channel();
        let mut first = pin!(turns.compute(STRANGER, &clock, move |_| gate.recv().is_ok()));
        assert!(futures::poll!(&mut first).is_pending(), "it has the only turn");
        let enter = |standing, what: &'static str| {
            let told = told.clone();
            Box::pin(turns.compute(standing, &clock, move |_| told.send(what).is_ok()))
        };
        let mut flood: Vec<_> = (0..PLACES + 9).map(|_| enter(STRANGER, "flood")).collect();
        let mut turned_away = 0;
        for login in &mut flood {
            if let std::task::Poll::Ready(result) = futures::poll!(login) {
                turned_away += usize::from(throttled(&result));
            }
        }
        assert_eq!(turned_away, 9);
        let known = Standing { is_known: true, address: None };
        let elsewhere = Standing { is_known: false, address: Some([1; 32].into()) };
        let mut stranger = enter(elsewhere, "a stranger from elsewhere");
        let mut known = enter(known, "known");
        assert!(
            futures::poll!(&mut stranger).is_pending() && futures::poll!(&mut known).is_pending()
        );
        go.send(()).expect("it waits");
        assert!(first.await.is_ok() && known.await.is_ok() && stranger.await.is_ok());
        let order: Vec<_> = order.iter().take(3).collect();
        assert_eq!(order, ["known", "flood", "a stranger from elsewhere"]);
    }

    #[tokio::test]
    async fn nothing_is_computed_for_whoever_left_before_their_turn() {
        let clock = PatientClock::default();
        let turns = Turns::new(1);
        let (go, gate) = mpsc::channel();
        let (told, computed) = mpsc::channel();
        let mut first = pin!(turns.compute(STRANGER, &clock, move |_| gate.recv().is_ok()));
        assert!(futures::poll!(&mut first).is_pending());
        let told_too = told.clone();
        let mut left = Box::pin(turns.compute(STRANGER, &clock, move |_| told.send("left")));
        assert!(futures::poll!(&mut left).is_pending());
        drop(left);
        let mut stays = Box::pin(turns.compute(STRANGER, &clock, move |_| told_too.send("stays")));
        assert!(futures::poll!(&mut stays).is_pending());
        go.send(()).expect("it waits");
        assert!(first.await.is_ok() && stays.await.is_ok());
        assert_eq!(computed.iter().collect::<Vec<_>>(), ["stays"]);
    }

    #[tokio::test]
    async fn a_hash_that_panics_takes_no_turn_along() {
        let clock = PatientClock::default();
        let turns = Turns::new(1);
        let panics = turns.compute(STRANGER, &clock, |_| -> () { panic!("as a test") }).await;
        assert!(matches!(panics, Err(AuthenticationError::Unavailable(_))), "{panics:?}");
        assert_eq!(turns.compute(STRANGER, &clock, |_| 5).await.ok(), Some(5));
    }

    #[tokio::test]
    async fn the_threads_end_with_the_last_clone() {
        let clock = PatientClock::default();
        let turns = Turns::new(2);
        let clone = turns.clone();
        let pool = Arc::downgrade(&turns.0.0);
        assert_eq!(clone.compute(STRANGER, &clock, |_| 5).await.ok(), Some(5));
        drop(turns);
        assert_eq!(clone.compute(STRANGER, &clock, |_| 6).await.ok(), Some(6));
        drop(clone);
        let ended = pin!(async {
            while pool.strong_count() > 0 {
                tokio::task::yield_now().await;
            }
        });
        let watch = SystemClock::new();
        let ended = future::select(ended, watch.sleep(Duration::from_secs(60))).await;
        assert!(matches!(ended, Either::Left(_)));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashes_have_a_lower_priority_than_the_rest() {
        let clock = PatientClock::default();
        let nice = || rustix::process::getpriority_process(None).expect("a priority");
        let ours = nice();
        let theirs = Turns::new(1).compute(STRANGER, &clock, move |_| nice()).await;
        assert_eq!((theirs.ok(), nice()), (Some((ours + NICER).min(19)), ours));
    }
}
