//! What the use cases ask of the authorizer, answer and leave in the stores, called as a program in
//! the same process calls them.

mod audit;
mod authorization;
mod failures;
mod hung_up;
mod mounts;
#[path = "../storage/plain.rs"]
#[expect(dead_code, reason = "its flaws and forks are for the tests of the storage protocol")]
mod plain;
mod quota;
mod reliance;
mod repositories;
mod sessions;
mod support;
mod switches;
mod table;
