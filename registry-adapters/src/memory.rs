//! Both storage ports in memory: for tests, for trying things out, for caches. What they hold
//! ends with the process.

mod contents;
mod records;

pub use contents::MemoryContents;
pub use records::MemoryRecords;
