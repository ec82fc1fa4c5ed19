//! Credentials that somebody may be guessing: who has to wait, and who has to know of it.

use std::future::Future;

use registry_core::{
    error::RegistryError,
    identity::{Caller, Principal},
    ports::{AuthenticationError, Limit},
};

use crate::{audit::Audit, limits::Limits};

/// Who counts attempts to log in, and who is told of them.
#[derive(Clone, Copy)]
pub(crate) struct Logins<'a> {
    pub(crate) limits: Option<&'a Limits>,
    pub(crate) audit: Option<&'a Audit>,
}

impl Logins<'_> {
    /// Tries credentials. What is guarded is looked at in any case, so that others at the same address
    /// lock nobody out who shows what is good.
    ///
    /// With the rest a client that has no failures left does not get as far as the password's hash;
    /// one that has some holds none while it is tried, so that neither a farm of machines with one
    /// address that logs in at once, nor a client that hangs up, uses any up. Of those that are tried
    /// at once no more are told that they were wrong than failures are left.
    pub(crate) async fn attempt<T>(
        self,
        caller: &Caller,
        is_guarded: bool,
        attempt: impl Future<Output = Result<T, AuthenticationError>>,
    ) -> Result<T, RegistryError> {
        if let Some(limits) = self.limits.filter(|_| !is_guarded) {
            limits.has_failures_left(caller).await?;
        }
        let outcome = attempt.await;
        if let Err(error @ AuthenticationError::Refused { reason, .. }) = &outcome {
            let limit = if is_guarded { Limit::Refusals } else { Limit::Failures };
            self.refused(caller, limit, error.whose(), reason).await?;
        }
        Ok(outcome?)
    }

    /// Somebody showed the right ones, to be told that.
    pub(crate) async fn succeeded(self, caller: &Caller) {
        if let Some(audit) = self.audit {
            audit.logged_in(caller, "").await;
        }
    }

    async fn refused(
        self,
        caller: &Caller,
        limit: Limit,
        whose: Option<&Principal>,
        reason: &str,
    ) -> Result<(), RegistryError> {
        let counted = match self.limits {
            Some(limits) => limits.address(limit, caller).await,
            None => Ok(()),
        };
        if let Some(audit) = self.audit {
            audit.refused(caller, whose.unwrap_or(&caller.principal), reason).await;
        }
        counted
    }
}
