//! The service without sockets: tables of requests and what each must be answered.

mod advisories;
mod audit;
mod authentication;
mod authorization;
mod bodies;
mod challenges;
mod content;
mod errors;
mod fakes;
mod limits;
mod listings;
mod manifests;
mod proxies;
mod service;
mod support;
mod tokens;
mod uploads;
