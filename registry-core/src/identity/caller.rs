//! Who asks, in which request.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use super::Principal;
use crate::access::Scope;

/// Who asks, with what credential, in which request. Every use case takes it first.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Caller {
    /// Who asks.
    pub principal: Principal,
    /// What the credential is good for.
    pub scope: Scope,
    /// The id of the request, for logs.
    pub request_id: Arc<str>,
    /// The client's address, where there is one.
    pub peer: Option<IpAddr>,
    /// Why it was refused something last, where somebody wants to know.
    refusal: Option<Arc<Mutex<Option<String>>>>,
}

impl Caller {
    /// A caller whose credential is good for everything the principal may do.
    #[must_use]
    pub fn new(principal: Principal, request_id: impl Into<Arc<str>>) -> Self {
        Self {
            principal,
            scope: Scope::Full,
            request_id: request_id.into(),
            peer: None,
            refusal: None,
        }
    }

    /// The same caller with a credential that is good for less.
    #[must_use]
    pub fn with_scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// The same caller at this address.
    #[must_use]
    pub fn with_peer(self, peer: IpAddr) -> Self {
        Self { peer: Some(peer), ..self }
    }

    /// A caller without credentials.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new(Principal::anonymous(), "")
    }

    /// The same caller, who remembers why it is refused something: the client is not told, so that
    /// no error carries it.
    pub(crate) fn remembering(&self) -> Self {
        Self { refusal: Some(Arc::default()), ..self.clone() }
    }

    /// It is refused something.
    pub(crate) fn is_refused(&self, reason: &str) {
        if let Some(refusal) = &self.refusal {
            *refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }

    /// Why it was refused something last.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.refusal.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
