//! The service without sockets: tables of requests and what each must be answered.

mod authentication;
mod authorization;
mod bodies;
mod decisions;
mod errors;
mod listings;
mod service;
mod support;
