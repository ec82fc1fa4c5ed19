//! Who logged in, and who could not, for whoever has to know later.

use std::sync::Arc;

use registry_core::{
    identity::{Caller, Principal, PrincipalKind},
    ports::{AuditAction, AuditEvent, AuditLog, AuditOutcome, Clock},
};

use crate::chain::Chain;

/// Tells the audit log of logins. What it is told holds no credentials, and of a login that is
/// refused only the name of somebody who is there: people type their password there.
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
            self.record(&self.event(caller, &caller.principal, granted)).await;
        }
    }

    /// Somebody did not get in with these credentials of somebody.
    pub(crate) async fn refused(&self, caller: &Caller, whose: &Principal, reason: &str) {
        let mut event = self.event(caller, whose, "");
        event.outcome = AuditOutcome::Refused;
        event.reason = Some(reason.to_owned());
        self.record(&event).await;
    }

    fn event(&self, caller: &Caller, who: &Principal, resource: &str) -> AuditEvent {
        let (now, who) = (self.clock.now(), who.clone());
        let mut event = AuditEvent::new(now, who, AuditAction::Login, resource);
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
