//! Adapters for the ports of [`registry_core`]: each connects the registry to one piece of the
//! world, and none knows another.
//!
//! | module | what it is | feature |
//! |---|---|---|
//! | [`system`] | the machine's clock and randomness, tasks on tokio | always |
//! | [`memory`] | both storage ports in memory | always |

pub mod memory;
pub mod system;
