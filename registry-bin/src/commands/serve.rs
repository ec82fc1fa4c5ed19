//! `serve`: runs the registry until it is told to end.

mod control;
mod keeping;

use std::{net::SocketAddr, pin::pin, sync::Arc};

use futures::future;
use registry_adapters::system::{SystemClock, SystemRandom, TokioTasks};
use registry_core::{
    policy::{AllowAll, PolicyFile},
    ports::Clock,
};
use registry_http::Drained;
use tokio::{net::TcpListener, runtime};

use crate::{
    admin::{Administrator, Minter, Served},
    config::Config,
    failure::Failure,
    health::{Health, Probed},
    policy::LivePolicy,
    signals::{self, Signals},
    telemetry::{self, Reader},
    welcome,
    wiring::{self, Login},
};

/// Serves until a signal comes, and drains.
pub(crate) fn run(config: &Config) -> Result<(), Failure> {
    let reader = telemetry::start(config);
    let runtime = runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Failure::System { what: "threads", source })?;
    runtime.block_on(serve(config, reader))
}

async fn serve(config: &Config, reader: Reader) -> Result<(), Failure> {
    let signals = Signals::listen();
    let signals = signals.map_err(|source| Failure::System { what: "signals", source })?;
    let hangups = signals::hangups();
    let hangups = hangups.map_err(|source| Failure::System { what: "signals", source })?;
    let options = wiring::server_options(config)?;
    wiring::check(config)?;
    // Before the stores, which a server that cannot listen has no business with; clients that come
    // meanwhile wait in the kernel's queue.
    let (listener, address) = listen(config.listen.value).await?;
    control::clear(config)?;
    let stores = wiring::stores(config)?;
    let tasks = TokioTasks::current();
    let audit = wiring::audit(config)?;
    let login = Login::open(config, &stores).await?;
    let (policy, live) = wiring::policy(config);
    let limits = wiring::limits(config, &stores).await?;
    let wire = |policy, audit| {
        wiring::registry(config, &stores, policy, tasks.clone(), limits.clone(), audit)
    };
    let registry = wire(policy, audit.clone());
    let served = served(config, live.clone());
    let keys = login.tokens.as_ref().map(|tokens| tokens.keys.clone());
    let (counted, tries) = (limits.clone(), &login.tries);
    let kept = keys.clone();
    let keeping = keeping::keep(config, registry.clone(), live, kept, counted, tries, hangups);
    let administrator = Administrator {
        accounts: login.accounts.clone(),
        htpasswd: login.htpasswd.clone(),
        discard: Arc::clone(&stores.discard),
        // Commands are audited as what was typed.
        registry: wire(Arc::new(AllowAll), None),
        minter: login.tokens.as_ref().map(|tokens| Minter {
            issuer: Arc::clone(&tokens.issuer),
            registry: registry.clone(),
        }),
        token_keys: keys,
        served: Some(Box::new(served)),
        audit: audit.clone(),
        clock: Box::new(SystemClock::new()),
    };
    let control = control::start(config, administrator, tasks.clone())?;
    let service = wiring::service(config, registry, &login, limits.clone(), audit);
    let service = Probed { health: Health::new(stores, SystemClock::new(), SystemRandom), service };
    welcome::say(reader, config, address);
    if config.has_passwords_in_the_clear() {
        tracing::warn!(
            "passwords travel in the clear: set --tls-certificate, or let only a proxy that speaks TLS \
             reach {address}"
        );
    }
    let drained = registry_http::serve(listener, service, options, signals.first()).await;
    report(config, drained);
    drop((control, keeping));
    finish(config, &tasks).await;
    if let Some(limits) = limits
        && let Err(error) = limits.save().await
    {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "what the limits counted is not kept");
    }
    for tries in &login.tries {
        if let Err(error) = tries.save().await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "who has to wait to log in is not kept");
        }
    }
    tracing::info!("ended");
    Ok(())
}

/// Says by what is decided now.
fn served(config: &Config, policy: Option<LivePolicy>) -> impl Fn() -> Served + use<> {
    let (read_only, anonymous) = (config.read_only.value, config.anonymous.value);
    let refuse_pull_alone = config.refuse_pull_alone.value.clone();
    move || {
        let policy = policy.as_ref().map(|policy| {
            (policy.path().display().to_string(), PolicyFile::clone(&policy.current()))
        });
        Served { policy, read_only, anonymous, refuse_pull_alone: refuse_pull_alone.clone() }
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let bind = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bind.await.map_err(|source| Failure::Listen { address, source })
}

/// Says how the drain ended.
fn report(config: &Config, drained: Drained) {
    match drained.broken_off {
        0 => tracing::info!("all requests ended"),
        connections => {
            let drain_time = config.drain_time.value;
            tracing::warn!(connections, %drain_time, "broke off requests that did not end");
        }
    }
}

/// Lets the work end whose clients are gone. It may as well be cut off: that loses nothing.
async fn finish(config: &Config, tasks: &TokioTasks) {
    let drain_time = config.drain_time.value.get();
    future::select(pin!(tasks.idle()), SystemClock::new().sleep(drain_time)).await;
}
