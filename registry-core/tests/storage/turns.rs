//! A scheduler that advances one task by one call of a store at a time, and an explorer that tries
//! the orders in which it can.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use async_trait::async_trait;
use futures::future::BoxFuture;
use registry_core::{
    ports::{StoreError, Tasks},
    testing::{Call, Tap},
};

/// Whose turn it is. As a [`Tap`] it holds every call back until it is granted; as [`Tasks`] it
/// takes work that outlives its request.
#[derive(Default)]
pub(crate) struct Turns(Mutex<State>);

#[derive(Default)]
struct State {
    /// The task that is being polled.
    running: usize,
    /// The calls that wait, by the order in which they came.
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
    /// What was spawned, and by which task.
    spawned: Vec<(usize, BoxFuture<'static, ()>)>,
}

struct Waiting {
    task: usize,
    call: Call,
    granted: bool,
    waker: Waker,
}

/// What can happen next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// This call is made, and its task runs up to its next.
    Grant(u64),
    /// This actor stops for ever; what it spawned goes on.
    Kill(usize),
}

/// How far orders may be from each task running to its end without a pause.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// How often a task is interrupted that could go on.
    pub(crate) preemptions: usize,
    /// How many actors stop somewhere.
    pub(crate) kills: usize,
}

/// The choices of one run: those of a prefix, then always the first option.
pub(crate) struct Choices {
    prefix: Vec<usize>,
    /// What was picked, of how many options.
    made: Vec<(usize, usize)>,
    left: Bounds,
    trace: String,
}

/// Runs something in every order within the bounds, and gives their number; or what a run
/// complained of, with the order that led there.
pub(crate) fn explore(
    bounds: Bounds,
    mut run: impl FnMut(&mut Choices) -> Result<(), String>,
) -> Result<usize, String> {
    let mut prefix = Vec::new();
    for runs in 1.. {
        let mut choices = Choices { prefix, made: Vec::new(), left: bounds, trace: String::new() };
        run(&mut choices)
            .map_err(|error| format!("{error}, in run {runs}, after\n{}", choices.trace))?;
        // The next order: the last choice that has another option takes it.
        while choices.made.last().is_some_and(|(picked, of)| picked + 1 == *of) {
            choices.made.pop();
        }
        prefix = choices.made.iter().map(|(picked, _)| *picked).collect();
        let Some(last) = prefix.last_mut() else { return Ok(runs) };
        *last += 1;
    }
    unreachable!("the orders within the bounds are finite");
}

impl Choices {
    /// Picks one of the options that the bounds leave, each with its cost.
    fn pick(&mut self, options: &[(Step, Bounds)]) -> Step {
        let left = self.left;
        let within: Vec<_> = options
            .iter()
            .filter(|(_, cost)| cost.preemptions <= left.preemptions && cost.kills <= left.kills)
            .collect();
        let picked = self.prefix.get(self.made.len()).copied().unwrap_or(0);
        self.made.push((picked, within.len()));
        let (step, cost) = within[picked];
        self.left.preemptions -= cost.preemptions;
        self.left.kills -= cost.kills;
        *step
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Task {
    name: String,
    /// The task that spawned it; actors have none.
    spawner: Option<usize>,
    future: Option<BoxFuture<'static, ()>>,
    woken: Arc<Flag>,
}

impl Task {
    fn new(name: String, spawner: Option<usize>, future: BoxFuture<'static, ()>) -> Self {
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        Self { name, spawner, future: Some(future), woken }
    }
}

impl Turns {
    /// Runs tasks to their ends in the chosen order. After each step, `look` sees the call.
    ///
    /// # Panics
    /// When tasks wait for each other for ever.
    pub(crate) fn play(
        &self,
        actors: Vec<(&str, BoxFuture<'static, ()>)>,
        choices: &mut Choices,
        mut look: impl FnMut(&Call) -> Result<(), String>,
    ) -> Result<(), String> {
        let actor = |(name, future): (&str, _)| Task::new(name.to_owned(), None, future);
        let mut tasks: Vec<Task> = actors.into_iter().map(actor).collect();
        let mut current = 0;
        loop {
            self.run_to_calls(&mut tasks);
            let options = self.options(current, &tasks);
            if options.is_empty() {
                let stuck = tasks.iter().find(|task| task.future.is_some());
                assert!(stuck.is_none(), "{} waits for ever", stuck.map_or("", |task| &task.name));
                return Ok(());
            }
            match choices.pick(&options) {
                Step::Grant(number) => {
                    let (task, call) = self.grant(number);
                    writeln!(choices.trace, "  {}: {call:?}", tasks[task].name).expect("a string");
                    current = task;
                    self.run_to_calls(&mut tasks);
                    look(&call)?;
                }
                Step::Kill(task) => {
                    writeln!(choices.trace, "  {}: stops", tasks[task].name).expect("a string");
                    tasks[task].future = None;
                }
            }
        }
    }

    /// Polls whoever can go on without a call.
    fn run_to_calls(&self, tasks: &mut Vec<Task>) {
        loop {
            let mut idle = true;
            for (number, task) in tasks.iter_mut().enumerate() {
                let Some(future) = &mut task.future else { continue };
                if !task.woken.0.swap(false, Ordering::SeqCst) {
                    continue;
                }
                idle = false;
                self.state().running = number;
                let waker = Waker::from(Arc::clone(&task.woken));
                if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                    task.future = None;
                }
            }
            let spawned = mem::take(&mut self.state().spawned);
            if idle && spawned.is_empty() {
                return;
            }
            for (spawner, future) in spawned {
                let name = format!("task of {}", tasks[spawner].name);
                tasks.push(Task::new(name, Some(spawner), future));
            }
        }
    }

    /// What can happen next, the cheapest first: the current task goes on. Leaving it while it
    /// could go on is a preemption; so is answering its later call before its first.
    fn options(&self, current: usize, tasks: &[Task]) -> Vec<(Step, Bounds)> {
        let state = self.state();
        let goes_on = state.waiting.values().any(|waiting| waiting.task == current);
        let mut first_of = vec![true; tasks.len()];
        let mut options: Vec<(Step, Bounds)> = state
            .waiting
            .iter()
            .map(|(number, waiting)| {
                let first = mem::replace(&mut first_of[waiting.task], false);
                let free = first && (waiting.task == current || !goes_on);
                (Step::Grant(*number), Bounds { preemptions: usize::from(!free), kills: 0 })
            })
            .collect();
        options.sort_by_key(|(_, cost)| cost.preemptions);
        let actor = tasks[current].spawner.unwrap_or(current);
        if goes_on && tasks[actor].future.is_some() {
            options.push((Step::Kill(actor), Bounds { preemptions: 0, kills: 1 }));
        }
        options
    }

    fn grant(&self, number: u64) -> (usize, Call) {
        let mut state = self.state();
        let waiting = state.waiting.get_mut(&number).expect("it was an option");
        waiting.granted = true;
        waiting.waker.wake_by_ref();
        (waiting.task, waiting.call.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Tap for Turns {
    type Ticket = ();

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        Turn { turns: self, call, number: None }.await;
        Ok(())
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Tasks for Turns {
    fn spawn(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let mut state = self.state();
        let spawner = state.running;
        state.spawned.push((spawner, work));
    }
}

/// Waits for its turn.
struct Turn<'a> {
    turns: &'a Turns,
    call: Call,
    number: Option<u64>,
}

impl Future for Turn<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.turns.state();
        let Some(number) = self.number else {
            let (number, task) = (state.next, state.running);
            let (call, waker) = (self.call.clone(), context.waker().clone());
            state.waiting.insert(number, Waiting { task, call, granted: false, waker });
            state.next += 1;
            drop(state);
            self.number = Some(number);
            return Poll::Pending;
        };
        if !state.waiting[&number].granted {
            return Poll::Pending;
        }
        state.waiting.remove(&number);
        drop(state);
        self.number = None;
        Poll::Ready(())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.turns.state().waiting.remove(&number);
        }
    }
}
