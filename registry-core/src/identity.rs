//! Who asks.

mod caller;
mod principal;

pub use caller::Caller;
pub use principal::{CredentialKind, Principal, PrincipalKind};
