//! The files of a certificate and its key.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
};

use super::doubts::{Doubt, doubts};

/// What a client may choose from, what is liked better first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file is not there, or may not be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is damaged.
    #[error("{} is damaged: {reason}", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The certificate's file holds something else.
    #[error("{} holds no certificate in PEM format", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The key's file holds something else, or a key that needs a password.
    #[error("{} holds no private key in PEM format, without a password", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The certificate is none that is understood.
    #[error("the certificate in {} cannot be used: {reason}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key is none that is understood.
    #[error("the key in {} cannot be used: {reason}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key and the certificate are of different pairs, or the server's own certificate is not
    /// the first of its file.
    #[error(
        "the key in {} is not that of the first certificate in {}",
        key.display(), certificate.display()
    )]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

/// Where a certificate and its key are.
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// A pair that can be used.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) config: Arc<ServerConfig>,
    pub(super) doubts: Vec<Doubt>,
}

/// Which files lie there: another one after each change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamp([Option<FileStamp>; 2]);

/// One file, whatever led to it. Its inode's time of change and not the contents': that cannot be
/// set to an earlier one, and is another where a file can now be read that could not.
#[derive(Debug, PartialEq, Eq)]
struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Files {
    pub(super) fn stamp(&self) -> Stamp {
        Stamp([&self.certificate, &self.key].map(|path| {
            fs::metadata(path).ok().map(|metadata| FileStamp {
                device: metadata.dev(),
                inode: metadata.ino(),
                size: metadata.size(),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
            })
        }))
    }

    /// What a server needs to shake hands with this certificate.
    pub(super) fn load(&self, now: SystemTime) -> Result<Loaded, TlsError> {
        let chain = read_chain(&self.certificate)?;
        let key = read_key(&self.key)?;
        let doubts = chain.first().map(|own| doubts(&self.key, own, now)).unwrap_or_default();
        // Said and not installed: the process may have another default.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_no_client_auth())
            .and_then(|builder| builder.with_single_cert(chain, key));
        let mut config = config.map_err(|error| self.explain(&error))?;
        config.alpn_protocols = PROTOCOLS.map(Vec::from).into();
        Ok(Loaded { config: Arc::new(config), doubts })
    }

    /// Tells the operator what is odd about them.
    pub(super) fn tell(&self, doubts: &[Doubt]) {
        doubts.iter().for_each(|doubt| doubt.log(&self.certificate, &self.key));
    }

    fn explain(&self, error: &rustls::Error) -> TlsError {
        let Self { certificate, key } = self;
        match error {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Mismatch { certificate: certificate.clone(), key: key.clone() }
            }
            rustls::Error::InvalidCertificate(_) => {
                TlsError::Certificate { path: certificate.clone(), reason: error.to_string() }
            }
            _ => TlsError::Key { path: key.clone(), reason: error.to_string() },
        }
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let none = || TlsError::NoCertificate { path: path.to_owned() };
    let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let chain: Vec<_> = certificates.map_err(|error| explain(path, error, none))?;
    if chain.is_empty() { Err(none()) } else { Ok(chain) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let none = || TlsError::NoKey { path: path.to_owned() };
    PrivateKeyDer::from_pem_file(path).map_err(|error| explain(path, error, none))
}

fn explain(path: &Path, error: pem::Error, none: impl Fn() -> TlsError) -> TlsError {
    let path = path.to_owned();
    // The error's own text would quote lines, which may be the key's.
    let reason = match error {
        pem::Error::NoItemsFound => return none(),
        pem::Error::Io(source) => return TlsError::Unreadable { path, source },
        pem::Error::MissingSectionEnd { .. } => "it ends before its END line",
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is malformed",
        pem::Error::Base64Decode(_) => "a line between BEGIN and END is not base64",
        _ => "it is not in PEM format",
    };
    TlsError::NotPem { path, reason }
}
