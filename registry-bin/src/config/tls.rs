//! The two files of TLS, which go together.

use std::path::Path;

use super::{Config, ConfigError, row::Origin};

/// Where the certificate and its key are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TlsFiles<'a> {
    pub(crate) certificate: &'a Path,
    pub(crate) key: &'a Path,
}

impl Config {
    /// The files to serve HTTPS with; `None` where that is not asked for.
    ///
    /// # Errors
    /// One is given without the other.
    pub(crate) fn tls_files(&self) -> Result<Option<TlsFiles<'_>>, ConfigError> {
        let (certificate, key) = (&self.tls_certificate, &self.tls_key);
        let half = |given, origin: &Origin, missing| {
            Err(ConfigError::HalfOfTls { given, origin: origin.clone(), missing })
        };
        match (certificate.value.path(), key.value.path()) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
            (Some(_), None) => half("tls-certificate", &certificate.origin, "tls-key"),
            (None, Some(_)) => half("tls-key", &key.origin, "tls-certificate"),
        }
    }
}
