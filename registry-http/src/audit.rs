//! Who logged in, and who could not, for whoever has to know later.

use std::sync::Arc;

use registry_core::{
    identity::{Caller, PrincipalKind},
    ports::{AuditAction, AuditEvent, AuditLog, AuditOutcome, Clock},
};

use crate::chain::Chain;

/// Tells the audit log of logins. What it is told holds no credentials, and of a login that is
/// refused not even the name: people type their password there.
#[derive(Clone)]
pub(crate) struct Audit {
    log: Arc<dyn AuditLog>,
    clock: Arc<dyn Clock>,
}

impl Audit {
    pub(crate) fn new(log: Arc<dyn AuditLog>, clock: Arc<dyn Clock>) -> Self {
        Self { log, clock }
    }

    /// Somebody got a token. An anonymous one is none that anybody logged in for.
    pub(crate) async fn logged_in(&self, caller: &Caller, granted: &str) {
        if caller.principal.kind() != PrincipalKind::Anonymous {
            self.record(&self.event(caller, granted)).await;
        }
    }

    /// Somebody did not get in.
    pub(crate) async fn refused(&self, caller: &Caller, reason: &str) {
        let mut event = self.event(caller, "");
        event.outcome = AuditOutcome::Refused;
        event.reason = Some(reason.to_owned());
        self.record(&event).await;
    }

    fn event(&self, caller: &Caller, resource: &str) -> AuditEvent {
        let principal = caller.principal.clone();
        let mut event = AuditEvent::new(self.clock.now(), principal, AuditAction::Login, resource);
        event.request_id = Arc::clone(&caller.request_id);
        event.peer = caller.peer;
        event
    }

    async fn record(&self, event: &AuditEvent) {
        if let Err(error) = self.log.record(event).await {
            let request_id = &*event.request_id;
            tracing::error!(request_id, error = %Chain(&error), "a login was not audited");
        }
    }
}
