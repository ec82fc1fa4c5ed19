//! The storage protocol on stores that can be watched, broken and stopped.

mod contract;
mod plain;
