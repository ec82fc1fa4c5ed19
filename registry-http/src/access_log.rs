//! One line for each request, written when its reply has been sent or given up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use hyper::{Method, StatusCode, Uri};
use registry_core::{identity::Principal, ports::Clock};

/// Whether anybody listens; if not, a request pays for nothing below.
pub(crate) fn is_enabled() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::INFO)
}

const TARGET: &str = "registry_http::access";

/// What the line says. It is written on drop: that is when the server has sent the last byte, or
/// has given up.
pub(crate) struct AccessEntry {
    pub(crate) request_id: Arc<str>,
    pub(crate) principal: Principal,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) status: StatusCode,
    /// `None` where the request has no body.
    pub(crate) received: Option<Arc<AtomicU64>>,
    pub(crate) started: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sent: u64,
    pub(crate) is_complete: bool,
}

impl Drop for AccessEntry {
    fn drop(&mut self) {
        let duration = self.clock.monotonic().saturating_sub(self.started);
        tracing::info!(
            target: TARGET,
            request_id = &*self.request_id,
            principal = self.principal.id(),
            method = self.method.as_str(),
            path = self.uri.path(),
            status = self.status.as_u16(),
            received = self.received.as_ref().map_or(0, |received| received.load(Relaxed)),
            sent = self.sent,
            complete = self.is_complete,
            duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
        );
    }
}
