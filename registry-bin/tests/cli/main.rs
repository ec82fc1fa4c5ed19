//! The binary as its operator sees it: what it prints, what it refuses, how it ends.

mod check;
mod ending;
#[path = "../support/http.rs"]
mod http;
mod program;
mod running;
mod serving;
mod starting;
mod tampering;
mod terminal;
