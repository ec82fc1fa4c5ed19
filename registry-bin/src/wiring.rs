//! Where the adapters meet the core: the only place that knows both.

mod expendable;
mod limits;
mod login;
mod stores;

use std::sync::Arc;

use registry_adapters::{
    hashing,
    limits::Limits,
    system::{SystemClock, SystemRandom, TokioTasks},
};
use registry_core::{
    policy::{AllowAll, Anonymous, AnonymousAccess, PullWithPush, ReadOnly},
    ports::{AuditLog, Authorizer},
    record::Visibility,
    registry::{References, Registry},
};
use registry_http::{BodyTimeouts, Realm, RegistryService, ServerOptions, Tls};

use crate::{
    audit,
    config::{self, Config, ConfigErrors, TlsFiles},
    failure::Failure,
    policy::LivePolicy,
};

pub(crate) use self::{
    limits::limits,
    login::{Login, TokenKeys, accounts, check, htpasswd, token_keys},
    stores::{Discard, Stores, stores},
};

/// What this server is called in the records of its own: it has the store to itself.
const SERVER: &str = "main";

/// The audit log, where the configuration names one: without it nothing is written down for it.
pub(crate) fn audit(config: &Config) -> Result<Option<Arc<dyn AuditLog>>, Failure> {
    let log = audit::open(&config.audit_log.value, SystemClock::new())?;
    Ok(log.map(|log| Arc::new(log) as Arc<dyn AuditLog>))
}

/// The registry over the stores, with this policy, within these limits.
pub(crate) fn registry(
    config: &Config,
    stores: &Stores,
    policy: impl Authorizer,
    tasks: TokioTasks,
    limits: Option<Arc<Limits>>,
    audit: Option<Arc<dyn AuditLog>>,
) -> Registry {
    let references = match config.references.value {
        config::References::Strict => References::Strict,
        config::References::Sparse => References::Sparse,
    };
    let visibility = match config.default_visibility.value {
        config::Visibility::Private => Visibility::Private,
        config::Visibility::Public => Visibility::Public,
    };
    let contents = Arc::clone(&stores.contents);
    let records = Arc::clone(&stores.records);
    let clock = SystemClock::new();
    let mut builder = Registry::builder(contents, records, policy, clock, SystemRandom)
        .hash(hashing::fastest())
        .tasks(tasks)
        .references(references)
        .default_visibility(visibility)
        .public_mounts(config.anonymous_access() != AnonymousAccess::None)
        .upload_expiry(config.upload_expiry.value.get())
        .max_blob_size(config.max_blob_size.value.get());
    if let Some(limits) = limits {
        builder = builder.limiter(limits);
    }
    if let Some(audit) = audit {
        builder = builder.audit(audit);
    }
    builder.build()
}

/// The registry as a service for whoever can log in or, where nobody can, for everybody.
pub(crate) fn service(
    config: &Config,
    registry: Registry,
    login: &Login,
    limits: Option<Arc<Limits>>,
    audit: Option<Arc<dyn AuditLog>>,
) -> RegistryService {
    let mut service = RegistryService::builder(registry, SystemClock::new(), SystemRandom)
        .body_timeouts(body_timeouts(config))
        .body_memory(config.body_memory.value.get())
        .trusted_proxies(config.trusted_proxies.value.trusted());
    if let Some(audit) = audit {
        service = service.audit_log(audit);
    }
    if let Some(origin) = config.public_url.value.origin() {
        service = service.public_url(origin.clone());
    }
    if let Some(limits) = limits {
        service = service.limiter(limits);
    }
    match (&login.users, &login.tokens) {
        (_, Some(tokens)) => service.tokens(tokens.service.clone()).build(),
        (Some(users), None) => service.authenticator(&realm(), Arc::clone(users)).build(),
        (None, None) => service.build(),
    }
}

/// Who may do what; the file that says it is followed.
pub(crate) fn policy(config: &Config) -> (Arc<dyn Authorizer>, Option<LivePolicy>) {
    let live =
        config.policy.value.file().map(|(path, policy)| LivePolicy::new(path, policy.clone()));
    let policy = match &live {
        None => within_settings(config, AllowAll),
        Some(live) => within_settings(config, live.clone()),
    };
    (policy, live)
}

/// What a policy gives, less what the other settings take away.
pub(crate) fn within_settings(config: &Config, policy: impl Authorizer) -> Arc<dyn Authorizer> {
    let anonymous = config.anonymous_access();
    let policy = Anonymous::new(anonymous, policy);
    // It asks what everybody may pull too, which is what callers without credentials may.
    let mut kinds = config.refuse_pull_alone.value.kinds().peekable();
    let policy: Arc<dyn Authorizer> = match kinds.peek() {
        Some(_) => Arc::new(PullWithPush::new(kinds, policy)),
        None => Arc::new(policy),
    };
    // Around these: while nobody pushes, whoever else might pulls as before. What callers without
    // credentials may not they are asked to log in for all the same.
    match config.read_only.value {
        false => policy,
        true => Arc::new(Anonymous::new(anonymous, ReadOnly(policy))),
    }
}

/// What a client may show to the person that it asks for a password.
fn realm() -> Realm {
    "registry".parse().expect("a realm")
}

/// How slowly a client may send.
fn body_timeouts(config: &Config) -> BodyTimeouts {
    let mut timeouts = BodyTimeouts::default();
    timeouts.idle = config.body_idle_timeout.value.get();
    timeouts.min_rate = config.body_min_rate.value.get();
    timeouts.window = config.body_rate_window.value.get();
    timeouts
}

/// The limits of the server, and its certificate where it has one, read and found good.
pub(crate) fn server_options(config: &Config) -> Result<ServerOptions, Failure> {
    let mut options = ServerOptions::default();
    options.max_connections = config.max_connections.value.get() as usize;
    options.max_concurrent_streams = config.max_streams.value.get();
    options.max_header_size = u32::try_from(config.max_header_size.value.get()).unwrap_or(u32::MAX);
    options.read_size = usize::try_from(config.read_size.value.get()).unwrap_or(usize::MAX);
    options.header_timeout = config.header_timeout.value.get();
    options.send_timeout = config.send_timeout.value.get();
    options.drain_limit = config.drain_time.value.get();
    if let Some(TlsFiles { certificate, key }) = config.tls_files().map_err(ConfigErrors::from)? {
        options.tls = Some(Tls::load(certificate, key, SystemClock::new())?);
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    #[test]
    fn the_defaults_are_the_library_s() {
        let config = Config::resolve(&Layers::default(), &mut ConfigErrors::default());
        let config = config.expect("defaults");
        let default = format!("{:?}", ServerOptions::default());
        let options = server_options(&config).expect("no certificate to read");
        assert_eq!(format!("{options:?}"), default);
        let default = format!("{:?}", BodyTimeouts::default());
        assert_eq!(format!("{:?}", body_timeouts(&config)), default);
    }
}
