//! The binary as its operator sees it: what it prints, what it refuses, how it ends.
#![expect(clippy::disallowed_methods, reason = "a server that hangs has to be given up")]

mod accounts;
mod changes;
mod check;
mod commands;
mod ending;
mod endpoints;
#[path = "../support/http.rs"]
mod http;
mod init;
mod limits;
mod login;
mod memory;
mod policy;
mod program;
mod running;
mod secrets;
mod serving;
mod starting;
mod tampering;
mod terminal;
mod tls;
mod token_keys;
mod users;
