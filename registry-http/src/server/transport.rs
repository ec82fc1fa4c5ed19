//! What carries the bytes of a connection.

use tokio::io::{AsyncRead, AsyncWrite};
#[cfg(feature = "tls")]
use tokio_rustls::server::TlsStream;

use super::guarded::Guarded;
use crate::file_windows::FileWindows;

/// A stream of bytes to a client.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// From now on sends files as such, those whose windows are among the result; `None` where that
    /// cannot be.
    fn send_files(&mut self) -> Option<FileWindows>;
}

impl Transport for Guarded {
    fn send_files(&mut self) -> Option<FileWindows> {
        let windows = FileWindows::default();
        Self::send_files(self, windows.clone());
        Some(windows)
    }
}

#[cfg(feature = "tls")]
impl Transport for TlsStream<Guarded> {
    /// Bytes are encrypted on the way, so this process has to read them.
    fn send_files(&mut self) -> Option<FileWindows> {
        None
    }
}
