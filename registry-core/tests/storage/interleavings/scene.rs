//! Who plays, on what, and what must be there at the end.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{executor::block_on, future::BoxFuture};
use registry_core::{
    policy::AllowAll,
    ports::{Authorizer, Clock, Random},
    registry::Registry,
    testing::{Call, ManualClock, Tapped},
};

use crate::{
    client::Fact,
    collector::{Collector, LeftOut},
    omissions::{Omission, Without},
    turns::{Bounds, Choices, Turns, explore},
    world::World,
};

/// A process: a registry, or a collector, over the shared stores.
pub(super) struct Process {
    pub(super) registry: Registry,
    pub(super) collector: Collector<Tapped<Without, Turns>, Tapped<Without, Turns>>,
    pub(super) ledger: Ledger,
    pub(super) clock: Arc<ManualClock>,
}

/// What the actors were told.
#[derive(Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    /// What was acknowledged, in the order in which it was.
    facts: Vec<Fact>,
    /// An answer that nobody should get.
    complaint: Option<String>,
}

impl Ledger {
    pub(super) fn add(&self, facts: impl IntoIterator<Item = Fact>) {
        self.told().facts.extend(facts);
    }

    pub(super) fn complain(&self, complaint: String) {
        self.told().complaint = Some(complaint);
    }

    /// What was acknowledged, unless somebody complained.
    fn facts(&self) -> Result<Vec<Fact>, String> {
        let told = self.told();
        told.complaint.clone().map_or_else(|| Ok(told.facts.clone()), Err)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) type Part = Box<dyn Fn(Process) -> BoxFuture<'static, ()>>;

/// Who plays, and on what.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) cast: Vec<(&'static str, Part)>,
    pub(super) omission: Option<Omission>,
    pub(super) left_out: Option<LeftOut>,
    /// How long collectors spare what somebody relied on.
    pub(super) patience: Duration,
    /// Who may do what; the world itself lets everybody do everything.
    pub(super) policy: Arc<dyn Authorizer>,
    /// Whether requests go on as tasks when their clients hang up.
    pub(super) tasks: bool,
    /// What must be there at the end, of what was acknowledged.
    pub(super) keeps: Keeps,
}

pub(super) type Keeps = Box<dyn Fn(&[Fact], &Registry) -> Result<(), String>>;

impl Scene {
    pub(super) fn new(world: World, cast: Vec<(&'static str, Part)>) -> Self {
        Self {
            world,
            cast,
            omission: None,
            left_out: None,
            patience: Duration::ZERO,
            policy: Arc::new(AllowAll),
            tasks: false,
            keeps: Box::new(everything_holds),
        }
    }

    pub(super) fn without(self, omission: Omission) -> Self {
        Self { omission: Some(omission), ..self }
    }

    pub(super) fn collecting_without(self, left_out: LeftOut) -> Self {
        Self { left_out: Some(left_out), ..self }
    }

    pub(super) fn collecting_after(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub(super) fn under(self, policy: impl Authorizer) -> Self {
        Self { policy: Arc::new(policy), ..self }
    }

    pub(super) fn keeping(
        self,
        keeps: impl Fn(&[Fact], &Registry) -> Result<(), String> + 'static,
    ) -> Self {
        Self { keeps: Box::new(keeps), ..self }
    }

    /// Every order within the bounds.
    pub(super) fn explore(&self, preemptions: usize, kills: usize) -> Result<usize, String> {
        explore(Bounds { preemptions, kills }, |choices| self.play(choices))
    }

    /// Asserts that nothing is lost.
    #[track_caller]
    pub(super) fn holds(&self, preemptions: usize, kills: usize) {
        match self.explore(preemptions, kills) {
            Ok(orders) => assert!(orders > 20, "only {orders} orders"),
            Err(lost) => panic!("{lost}"),
        }
    }

    /// Asserts that something is lost in some order.
    #[track_caller]
    pub(super) fn loses(&self, preemptions: usize, what: &str) {
        let lost = self.explore(preemptions, 0).expect_err("no order loses anything");
        assert!(lost.contains(what), "{lost}");
    }

    pub(super) fn play(&self, choices: &mut Choices) -> Result<(), String> {
        let (world, turns, ledger) =
            (self.world.fork(), Arc::<Turns>::default(), Ledger::default());
        let actors = self.cast.iter().map(|(name, part)| {
            let stores = Without::new(world.contents.clone(), world.records.clone(), self.omission);
            let tapped = || Tapped::new(stores.clone(), &turns);
            let mut builder = world.builder_under(tapped(), tapped(), self.policy.clone());
            if self.tasks {
                builder = builder.tasks(Arc::clone(&turns));
            }
            let process = Process {
                registry: builder.build(),
                collector: Collector {
                    contents: tapped(),
                    records: tapped(),
                    random: Arc::clone(&world.random) as Arc<dyn Random>,
                    clock: Arc::clone(&world.clock) as Arc<dyn Clock>,
                    patience: self.patience,
                    left_out: self.left_out,
                },
                ledger: ledger.clone(),
                clock: Arc::clone(&world.clock),
            };
            (*name, part(process))
        });
        turns.play(actors.collect(), choices, |call| match call {
            Call::Put(_) | Call::DeleteContent(_) => world.check_invariants(),
            _ => Ok(()),
        })?;
        (self.keeps)(&ledger.facts()?, &world.registry())
    }
}

/// Everything that was acknowledged, and nobody took back.
pub(super) fn everything_holds(facts: &[Fact], registry: &Registry) -> Result<(), String> {
    facts.iter().try_for_each(|fact| match block_on(fact.holds(registry)) {
        Ok(true) => Ok(()),
        other => Err(format!("{fact:?} was acknowledged and is {other:?}")),
    })
}

/// What was acknowledged after the last deletion was: nobody can have taken it back.
pub(super) fn the_latest_holds(facts: &[Fact], registry: &Registry) -> Result<(), String> {
    let deleted = facts.iter().rposition(|fact| matches!(fact, Fact::NoManifest(..)));
    everything_holds(deleted.map_or(&[], |deleted| &facts[deleted + 1..]), registry)
}

/// One writer, one deleter of the same manifest: it has its tag, or neither is there.
pub(super) fn all_or_nothing(facts: &[Fact], registry: &Registry) -> Result<(), String> {
    the_latest_holds(facts, registry)?;
    let there = |fact: &&Fact| block_on(fact.holds(registry)).expect("nothing fails");
    let pushed: Vec<&Fact> =
        facts.iter().filter(|fact| matches!(fact, Fact::Manifest(..) | Fact::Tag(..))).collect();
    let kept = pushed.iter().copied().filter(there).count();
    if kept == 0 || kept == pushed.len() { Ok(()) } else { Err(format!("half of {pushed:?}")) }
}
