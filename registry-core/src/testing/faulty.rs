//! Stores that fail where a test says.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{Call, Harness, Tap, Tapped};
use crate::ports::{ContentStore, RecordStore, StoreError, StoreErrorKind};

/// A store whose calls fail as planned. One plan may serve the stores of both ports: it counts
/// their calls as one sequence.
///
/// With an empty plan it keeps the contract of the store behind it ([`FaultyHarness`]).
pub type Faulty<S> = Tapped<S, Faults>;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing is done, and the caller is told so with this kind of error.
    Refused(StoreErrorKind),
    /// It is done, but the caller never learns: timed out, the connection broke.
    Unanswered,
    /// The process stops before the call: this one and all later ones do nothing and fail.
    CrashBefore,
    /// The process stops after the call: it is done, and all later ones do nothing and fail.
    CrashAfter,
}

impl Fault {
    /// One of each.
    pub const ALL: [Self; 5] = [
        Self::Refused(StoreErrorKind::Other),
        Self::Refused(StoreErrorKind::Full),
        Self::Unanswered,
        Self::CrashBefore,
        Self::CrashAfter,
    ];
}

/// Which calls fail, and which calls there were.
///
/// To try every fault at every call of a scenario: run it once without faults, take the number of
/// [`Faults::calls`], and run it anew with a fault [`Faults::at`] each number below.
#[derive(Debug, Default)]
pub struct Faults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    plan: Vec<(usize, Fault)>,
    crashed: bool,
}

impl Faults {
    /// No call fails.
    #[must_use]
    pub fn none() -> Arc<Self> {
        Arc::default()
    }

    /// The call with this number fails; the first is 0.
    #[must_use]
    pub fn at(call: usize, fault: Fault) -> Arc<Self> {
        Self::plan([(call, fault)])
    }

    /// Each of these calls fails.
    #[must_use]
    pub fn plan(plan: impl IntoIterator<Item = (usize, Fault)>) -> Arc<Self> {
        let plan = plan.into_iter().collect();
        Arc::new(Self(Mutex::new(State { plan, ..State::default() })))
    }

    /// The calls so far, failed ones included.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// Whether the process has stopped.
    #[must_use]
    pub fn crashed(&self) -> bool {
        self.state().crashed
    }

    /// Starts the process again, without any further fault. Whatever the one before held must
    /// have been dropped.
    pub fn restart(&self) {
        let mut state = self.state();
        state.plan.clear();
        state.crashed = false;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Tap for Faults {
    type Ticket = Option<Fault>;

    async fn before(&self, call: Call) -> Result<Option<Fault>, StoreError> {
        let mut state = self.state();
        let number = state.calls.len();
        state.calls.push(call);
        let fault = state.plan.iter().find(|(at, _)| *at == number).map(|(_, fault)| *fault);
        state.crashed |= fault == Some(Fault::CrashBefore);
        match fault {
            _ if state.crashed => Err(StoreErrorKind::Other.into()),
            Some(Fault::Refused(kind)) => Err(kind.into()),
            _ => Ok(fault),
        }
    }

    async fn after(&self, fault: Option<Fault>) -> Result<(), StoreError> {
        let mut state = self.state();
        state.crashed |= fault == Some(Fault::CrashAfter);
        match fault {
            _ if state.crashed => Err(StoreErrorKind::Other.into()),
            Some(Fault::Unanswered) => {
                Err(StoreErrorKind::Unavailable { retry_after: None }.into())
            }
            _ => Ok(()),
        }
    }
}

/// Opens a store through [`Faulty`] with an empty plan, so that the contract is run on both.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "it wraps a harness and no more")]
pub struct FaultyHarness<H>(pub H);

#[async_trait]
impl<H: Harness<dyn ContentStore>> Harness<dyn ContentStore> for FaultyHarness<H> {
    async fn open(&self) -> Arc<dyn ContentStore> {
        Arc::new(Faulty::new(self.0.open().await, &Faults::none()))
    }

    fn run(&self, clause: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.0.run(clause);
    }
}

#[async_trait]
impl<H: Harness<dyn RecordStore>> Harness<dyn RecordStore> for FaultyHarness<H> {
    async fn open(&self) -> Arc<dyn RecordStore> {
        Arc::new(Faulty::new(self.0.open().await, &Faults::none()))
    }

    fn run(&self, clause: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.0.run(clause);
    }
}
