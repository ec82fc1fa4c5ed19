//! Why the process ends, and its exit code.

mod init;
mod reach;

use std::{io, net::SocketAddr, process::ExitCode};

use registry_adapters::{
    filesystem::OpenError, htpasswd::HtpasswdError, jwt::KeyError, limits::LimitsError,
};
use registry_core::{
    error::RegistryError,
    ports::{AuthorizerError, StoreError},
};
use registry_http::TlsError;

use crate::{
    audit::AuditLogError, config::ConfigErrors, control::ControlError, directory::Exposed,
    policy::PolicyError, prompt::PromptError,
};

pub(crate) use self::{init::InitError, reach::ReachError};

/// Why the process ends: one sentence. `docs/OPERATIONS.md` lists the exit codes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Nothing else fits.
    #[error("the operating system refuses {what}: {source}")]
    System { what: &'static str, source: io::Error },
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The certificate or its key is wrong.
    #[error("cannot serve HTTPS: {0}; see --tls-certificate and --tls-key")]
    Tls(#[from] TlsError),
    /// The file of users, which the configuration names, cannot be used.
    #[error(transparent)]
    Users(#[from] HtpasswdError),
    /// The keys that sign tokens cannot be used.
    #[error("cannot sign tokens: {0}; see --token-key")]
    TokenKeys(#[from] KeyError),
    /// What the limits counted cannot be read.
    #[error("cannot go on with the limits: {0}")]
    Limits(#[from] LimitsError),
    /// Who has to wait to log in cannot be read.
    #[error("cannot go on with the logins that failed: {0}")]
    Tries(StoreError),
    /// What namespaces keep cannot be counted.
    #[error("cannot count what namespaces keep: {0}")]
    Recount(RegistryError),
    /// The file of rules that a command was given is missing or wrong.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The audit log, which the configuration names, cannot be opened.
    #[error(transparent)]
    Audit(#[from] AuditLogError),
    /// `init` makes nothing.
    #[error(transparent)]
    Init(#[from] InitError),
    /// There is no policy to explain.
    #[error(
        "there is no policy to explain: name one with --policy, or in the configuration of the server"
    )]
    NoPolicy,
    /// What is served gives no decision.
    #[error("nothing is decided: {0}")]
    Undecided(AuthorizerError),
    /// Nobody can be that.
    #[error(
        "{user:?} is nobody: say anonymous, a user's name, project:<namespace>, runner:<repository> or \
         service:<id>"
    )]
    Nobody { user: String },
    /// A group does nothing by itself.
    #[error(
        "{group} is a group, and only its members do something: name one of them; `registry-bin user \
         list` says who they are"
    )]
    Group { group: String },
    /// There is no password.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// A command was understood and not carried out.
    #[error("{0}")]
    Refused(String),
    /// A secret was made and nobody has seen it.
    #[error(
        "done, but the secret, which is shown this once, cannot be printed: {source}; run {instead}"
    )]
    Unshown { source: io::Error, instead: String },
    /// A server of another version answered.
    #[error("the server's answer is none to what it was asked: it is of another version")]
    Nonsense,
    /// A command reaches neither a server nor a store.
    #[error(transparent)]
    Unreached(#[from] ReachError),
    /// The control socket cannot be made.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] OpenError),
    /// The data directory is not the registry's alone.
    #[error(transparent)]
    Exposed(#[from] Exposed),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {}", reason(source))]
    Listen { address: SocketAddr, source: io::Error },
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::System { .. }
            | Self::Refused(_)
            | Self::Unshown { .. }
            | Self::Nonsense
            | Self::Undecided(_) => 1,
            Self::Config(_)
            | Self::Policy(_)
            | Self::Tls(_)
            | Self::Users(_)
            | Self::Audit(_)
            | Self::TokenKeys(_)
            | Self::NoPolicy
            | Self::Init(_)
            | Self::Nobody { .. }
            | Self::Group { .. }
            | Self::Prompt(_) => 2,
            Self::Limits(_)
            | Self::Tries(_)
            | Self::Recount(_)
            | Self::Data(_)
            | Self::Exposed(_)
            | Self::Unreached(_)
            | Self::Control(_) => 3,
            Self::Listen { .. } => 4,
        })
    }
}

/// What an operator can do about it.
fn reason(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            "another program already does; stop it, or choose another port with --listen".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need a privilege; choose another with --listen".to_owned()
        }
        _ => source.to_string(),
    }
}
