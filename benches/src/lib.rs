//! Measures registries from outside: [`load`] drives any registry over HTTP and reports what the
//! client saw (rate, latency) beside what the server spent (processor time, memory).
//!
//! The micro-benchmarks of the core are criterion benches in `benches/`.

pub mod load;
