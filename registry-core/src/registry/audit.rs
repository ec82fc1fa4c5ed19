//! What is told to the audit log: what was changed, and whatever was refused.

use std::{error::Error, sync::Arc};

use super::{Inner, authorize::is_nobody};
use crate::{
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::{AuditAction, AuditEvent, AuditLog, AuditOutcome},
    reference::Reference,
};

/// A use case that is audited, from its beginning to its end. Where nobody keeps an audit log it
/// costs nothing.
pub(super) struct Trail(Option<Box<Open>>);

struct Open {
    log: Arc<dyn AuditLog>,
    /// As it is told where all goes well.
    event: AuditEvent,
    /// The same caller, beside whom the reason of a refusal is kept.
    caller: Caller,
}

impl Inner {
    /// Begins a use case of a caller on a resource.
    pub(super) fn trail(
        &self,
        caller: &Caller,
        action: AuditAction,
        resource: impl FnOnce() -> String,
    ) -> Trail {
        Trail(
            self.audit
                .as_ref()
                .map(|log| Box::new(self.open(log, caller.remembering(), action, resource()))),
        )
    }

    /// A read, of which only a refusal is told, so that nothing is written down of all others. That
    /// it is refused to somebody who came without credentials is no event: whoever has some is asked
    /// for them so.
    pub(super) async fn audited_read<T>(
        &self,
        caller: &Caller,
        action: AuditAction,
        resource: impl FnOnce() -> String,
        read: impl AsyncFnOnce(&Caller) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let Some(log) = self.audit.as_ref().filter(|_| !is_nobody(&caller.principal)) else {
            return read(caller).await;
        };
        let caller = caller.remembering();
        let result = read(&caller).await;
        if let Err(error) = &result
            && is_refusal(error)
        {
            Box::pin(self.open(log, caller, action, resource()).failed(error)).await;
        }
        result
    }

    fn open(
        &self,
        log: &Arc<dyn AuditLog>,
        caller: Caller,
        action: AuditAction,
        resource: String,
    ) -> Open {
        let mut event =
            AuditEvent::new(self.clock.now(), caller.principal.clone(), action, resource);
        event.request_id = Arc::clone(&caller.request_id);
        event.peer = caller.peer;
        Open { log: Arc::clone(log), event, caller }
    }
}

impl Trail {
    /// The caller to go on with: what it is refused is remembered for the log.
    pub(super) fn caller<'a>(&'a self, caller: &'a Caller) -> &'a Caller {
        self.0.as_ref().map_or(caller, |open| &open.caller)
    }

    /// Adds to the resource what became known on the way.
    pub(super) fn add(&mut self, more: impl FnOnce() -> String) {
        if let Some(open) = &mut self.0 {
            open.event.resource.push_str(&more());
        }
    }

    /// A step that ends the use case where it fails.
    pub(super) async fn step<T>(
        &self,
        step: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        let result = step.await;
        if let (Some(open), Err(error)) = (&self.0, &result) {
            open.failed(error).await;
        }
        result
    }

    /// The last step.
    pub(super) async fn end<T>(
        &self,
        step: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        let result = self.step(step).await;
        if let (Some(open), Ok(_)) = (&self.0, &result) {
            open.tell(open.event.clone()).await;
        }
        result
    }

    /// All of a use case of which only a refusal is told.
    pub(super) async fn refusal<T>(
        &self,
        whole: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        let result = whole.await;
        if let (Some(open), Err(error)) = (&self.0, &result)
            && is_refusal(error)
        {
            open.failed(error).await;
        }
        result
    }

    /// It was refused, and the caller is not told so.
    pub(super) async fn quietly_refused(&self) {
        if let Some(open) = &self.0
            && let Some(reason) = open.caller.refusal()
        {
            open.tell(open.event.with(AuditOutcome::Refused, reason)).await;
        }
    }
}

impl Open {
    async fn failed(&self, error: &RegistryError) {
        // What a client is told shows no internals, and holds no secret.
        let told = || error.to_string();
        let event = if is_refusal(error) {
            let reason = match error {
                RegistryError::QuotaExceeded(_) => told(),
                _ => self.caller.refusal().unwrap_or_else(told),
            };
            self.event.with(AuditOutcome::Refused, reason)
        } else {
            self.event.with(AuditOutcome::Failed, told())
        };
        self.tell(event).await;
    }

    async fn tell(&self, event: AuditEvent) {
        if let Err(error) = self.log.record(&event).await {
            let (request_id, error) = (&*event.request_id, &error as &dyn Error);
            tracing::error!(request_id, action = %event.action, error, "an audit event is lost");
        }
    }
}

impl AuditEvent {
    fn with(&self, outcome: AuditOutcome, reason: String) -> Self {
        Self { outcome, reason: Some(reason), ..self.clone() }
    }
}

/// A manifest or a tag in a repository, as an image is named.
pub(super) fn within(name: &RepositoryName, reference: &Reference) -> String {
    match reference {
        Reference::Tag(tag) => format!("{name}:{tag}"),
        Reference::Digest(digest) => format!("{name}@{digest}"),
    }
}

const fn is_refusal(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::Denied
            | RegistryError::InsufficientScope
            | RegistryError::QuotaExceeded(_)
            | RegistryError::Refused(_)
            | RegistryError::Unauthenticated
            | RegistryError::Unsupported
    )
}
