//! For authors of adapters and for tests of what is built on them (feature `testing`).
//!
//! * The contract of each storage port as clauses: one `async fn` a sentence, which panics where a
//!   store does otherwise. [`content_store_contract!`](crate::content_store_contract) and
//!   [`record_store_contract!`](crate::record_store_contract) make each a named test; a
//!   [`Harness`] says how to open the store and how to run it.
//! * [`Faulty`]: a store of which chosen calls fail, each in a chosen [`Fault`].
//! * Time and chance that a test controls, and images to push.
//!
//! What the clauses rely on and no more is what a store must do; the words are in the docs of the
//! ports.

mod clock;
pub mod content_store;
mod contract;
mod faulty;
mod harness;
mod polling;
mod random;
pub mod record_store;
mod sample;
mod tap;
mod tasks;

pub use clock::{ManualClock, PatientClock};
pub use contract::{check, check_restarts};
pub use faulty::{Fault, Faults, Faulty, FaultyHarness};
pub use harness::Harness;
pub use random::Seeded;
pub use sample::Sample;
pub use tap::{Call, Tap, Tapped};
pub use tasks::ManualTasks;
