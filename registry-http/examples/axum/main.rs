//! A registry inside an axum application, with the application's own users: whoever has an account
//! logs in with a key of theirs, pushes below their own name, and pulls what everybody pushed.
//!
//!     cargo run -p registry-http --example axum
//!     docker login -u alice -p key-of-alice localhost:5000

mod accounts;
mod authenticator;
mod authorizer;

use std::sync::Arc;

use accounts::Accounts;
use authenticator::KeyAuthenticator;
use authorizer::OwnNamespace;
use axum::{Router, routing::get};
use registry_adapters::{
    memory::{MemoryContents, MemoryRecords},
    system::{SystemClock, SystemRandom},
};
use registry_core::registry::Registry;
use registry_http::RegistryService;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let accounts = Arc::new(Accounts::of(&[("alice", "key-of-alice"), ("bob", "key-of-bob")]));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:5000").await?;
    axum::serve(listener, application(accounts)).await
}

/// The application: a page of its own, and the registry wherever no route is.
fn application(accounts: Arc<Accounts>) -> Router {
    let (contents, records) = (MemoryContents::default(), MemoryRecords::default());
    let (clock, random) = (SystemClock::new(), SystemRandom);
    let registry = Registry::builder(contents, records, OwnNamespace, clock, random).build();
    let service = RegistryService::builder(registry, clock, random)
        .authenticator(&"the application".parse().expect("a realm"), KeyAuthenticator(accounts))
        .build();
    Router::new().route("/", get(|| async { "the application" })).fallback_service(service)
}

#[cfg(test)]
mod tests;
