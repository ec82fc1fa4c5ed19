//! The storage protocol on stores that can be watched, broken and stopped.

mod client;
mod collector;
mod contract;
mod counted;
mod faults;
mod interleavings;
mod model;
mod omissions;
mod plain;
mod turns;
mod world;
