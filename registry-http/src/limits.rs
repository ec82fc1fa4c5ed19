//! How often clients may ask. Where there is no limiter, none of this costs anything.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use registry_core::{
    endpoint::Endpoint,
    error::RegistryError,
    identity::Caller,
    ports::{
        Limit, LimitKey, RateLimiter, StoreError, StoreErrorKind, Subject, SubjectKind, Taken,
    },
};

use crate::scope;

/// Asks the limiter on behalf of a request.
#[derive(Clone)]
pub(crate) struct Limits {
    limiter: Arc<dyn RateLimiter>,
    /// Whether requests are limited at all.
    pub(crate) are_of_requests: bool,
}

impl Limits {
    pub(crate) fn new(limiter: impl RateLimiter) -> Self {
        let kinds = [SubjectKind::Address, SubjectKind::Principal, SubjectKind::Namespace];
        let are_of_requests = kinds.into_iter().any(|kind| limiter.limits(Limit::Requests, kind));
        Self { limiter: Arc::new(limiter), are_of_requests }
    }

    /// One of this for the address that the caller comes from.
    pub(crate) async fn address(&self, limit: Limit, caller: &Caller) -> Result<(), RegistryError> {
        if !self.limiter.limits(limit, SubjectKind::Address) {
            return Ok(());
        }
        self.take(&of_address(limit, caller), caller).await
    }

    /// One of this for the caller, once it is known who that is. Whoever is anonymous has their
    /// address alone.
    pub(crate) async fn principal(
        &self,
        limit: Limit,
        caller: &Caller,
    ) -> Result<(), RegistryError> {
        if !self.limiter.limits(limit, SubjectKind::Principal) {
            return Ok(());
        }
        match &*caller.principal.owner() {
            "" => Ok(()),
            owner => {
                self.take(&LimitKey::new(limit, Subject::Principal(owner.into())), caller).await
            }
        }
    }

    /// A request in the namespace of a repository; the result gives it back.
    pub(crate) async fn namespace(
        &self,
        endpoint: &Endpoint,
        caller: &Caller,
    ) -> Result<Option<Box<LimitKey>>, RegistryError> {
        let is_limited = self.limiter.limits(Limit::Requests, SubjectKind::Namespace);
        let name = scope::repository(endpoint).filter(|_| is_limited);
        let Some(name) = name else { return Ok(None) };
        let key = LimitKey::new(Limit::Requests, Subject::Namespace(name.namespace().into()));
        self.take(&key, caller).await?;
        Ok(Some(Box::new(key)))
    }

    /// Goes on if guesses from this address may still be refused. Nothing is held meanwhile.
    pub(crate) async fn has_failures_left(&self, caller: &Caller) -> Result<(), RegistryError> {
        // A limiter can only be asked by taking.
        let failure = of_address(Limit::Failures, caller);
        self.take(&failure, caller).await?;
        self.give_back(&failure).await;
        Ok(())
    }

    /// Gives one back that was not used.
    pub(crate) async fn give_back(&self, key: &LimitKey) {
        if let Err(error) = self.limiter.give_back(key, 1).await {
            tracing::warn!(subject = %key.subject, %error, "what was not used counts as used");
        }
    }

    async fn take(&self, key: &LimitKey, caller: &Caller) -> Result<(), RegistryError> {
        match self.limiter.take(key, 1).await {
            Ok(Taken::Granted(_)) => Ok(()),
            Ok(Taken::Wait(retry_after)) => {
                tracing::info!(
                    request_id = &*caller.request_id,
                    limit = key.limit.as_str(),
                    subject = %key.subject,
                    "too many"
                );
                // Zero would be an invitation to ask again at once.
                let retry_after = retry_after.max(Duration::from_millis(1));
                Err(RegistryError::Throttled { retry_after })
            }
            // Whatever is wrong with it, it says nothing of the request (503).
            Err(error) => {
                let kind = StoreErrorKind::Unavailable { retry_after: None };
                Err(StoreError::with_source(kind, Box::new(error)).into())
            }
        }
    }
}

/// Those whose address is not known share one, so that a server that does not tell it is noticed,
/// and is no way around the limits.
fn of_address(limit: Limit, caller: &Caller) -> LimitKey {
    let address = caller.peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    LimitKey::new(limit, Subject::address(address))
}
