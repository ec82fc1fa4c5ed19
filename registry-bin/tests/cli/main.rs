//! The binary as its operator sees it: what it prints, what it refuses, how it ends.

mod check;
mod program;
