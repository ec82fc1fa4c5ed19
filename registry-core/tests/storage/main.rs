//! The storage protocol on stores that can be watched, broken and stopped.

mod client;
mod contract;
mod faults;
mod plain;
mod world;
