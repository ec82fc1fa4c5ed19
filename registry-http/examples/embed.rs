//! A registry inside another program: stores in memory, open to everybody, on one port.

use registry_adapters::{
    memory::{MemoryContents, MemoryRecords},
    system::{SystemClock, SystemRandom},
};
use registry_core::{policy::AllowAll, registry::Registry};
use registry_http::{RegistryService, ServerOptions, serve};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let (contents, records) = (MemoryContents::default(), MemoryRecords::default());
    let (clock, random) = (SystemClock::new(), SystemRandom);
    let registry = Registry::builder(contents, records, AllowAll, clock, random).build();
    let service = RegistryService::new(registry, clock, random);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:5000").await?;
    let stopped = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    serve(listener, service, ServerOptions::default(), stopped).await;
    Ok(())
}
