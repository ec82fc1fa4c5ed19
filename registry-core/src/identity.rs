//! Who asks.

use std::{any::Any, fmt, net::IpAddr, sync::Arc};

use crate::access::Scope;

/// Who asks, as an authenticator found out. Anonymous is a principal too.
#[derive(Clone)]
pub struct Principal {
    id: Arc<str>,
    kind: PrincipalKind,
    value: Option<Arc<dyn Any + Send + Sync>>,
}

/// What sort of principal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PrincipalKind {
    /// Nobody in particular: a request without credentials.
    Anonymous,
    /// A person.
    User,
    /// A program.
    Service,
}

impl Principal {
    /// Whoever sends no credentials.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { id: "anonymous".into(), kind: PrincipalKind::Anonymous, value: None }
    }

    /// A principal with a stable id, which uploads are bound to.
    #[must_use]
    pub fn new(kind: PrincipalKind, id: &str) -> Self {
        Self { id: id.into(), kind, value: None }
    }

    /// The same principal, with the application's own value for its authorizer.
    #[must_use]
    pub fn with_value(self, value: Arc<dyn Any + Send + Sync>) -> Self {
        Self { value: Some(value), ..self }
    }

    /// Its stable id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What sort it is.
    #[must_use]
    pub const fn kind(&self) -> PrincipalKind {
        self.kind
    }

    /// The application's own value.
    #[must_use]
    pub fn value<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.value.as_ref()?.downcast_ref()
    }

    /// Kind and id, so that a user called "anonymous" is not the anonymous principal.
    pub(crate) fn owner(&self) -> String {
        let kind = match self.kind {
            PrincipalKind::Anonymous => return String::new(),
            PrincipalKind::User => "user",
            PrincipalKind::Service => "service",
        };
        format!("{kind}:{}", self.id)
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The application's value may hold anything, secrets included.
        write!(f, "{:?}({})", self.kind, self.id)
    }
}

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
}

impl Caller {
    /// A caller whose credential is good for everything the principal may do.
    #[must_use]
    pub fn new(principal: Principal, request_id: impl Into<Arc<str>>) -> Self {
        Self { principal, scope: Scope::Full, request_id: request_id.into(), peer: None }
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
}
