//! The OCI distribution API over HTTP.
//!
//! [`RegistryService`] turns requests into calls of a
//! [`Registry`](registry_core::registry::Registry) and their outcomes into replies. It is a
//! service of hyper and of tower, so any server on either can mount it; [`serve`] is one that is
//! hardened for the open network. `examples/embed.rs` is a registry in twenty lines.
//!
//! A request's way: [`Endpoint::parse`](registry_core::endpoint::Endpoint::parse), who asks, the
//! file of the endpoint's family, the core, a reply. A failure becomes a status in `error.rs` and
//! nowhere else.

mod access_log;
mod audit;
mod authentication;
mod authorization;
mod base_path;
mod body;
mod budget;
mod chain;
mod challenge;
mod endpoints;
mod error;
mod file_windows;
mod incoming;
mod limits;
mod logins;
mod origin;
mod pace;
mod proxies;
mod reply;
mod request;
mod scope;
mod server;
mod service;
mod tokens;

pub use authorization::{AuthorizationError, credentials};
pub use base_path::{BasePath, BasePathError};
pub use body::ResponseBody;
pub use challenge::{BearerError, Challenge, ChallengeError, Realm, RealmError};
pub use origin::{Origin, OriginError};
pub use pace::BodyTimeouts;
pub use proxies::{ForwardingHeaders, TrustedProxies, TrustedProxiesError};
pub use request::ConnectionInfo;
pub use server::{Drained, ServerOptions, serve};
#[cfg(feature = "tls")]
pub use server::{Tls, TlsError};
pub use service::{Builder, RegistryService, ResponseFuture};
pub use tokens::TokenService;
