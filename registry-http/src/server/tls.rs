//! TLS 1.2 and 1.3, with a certificate that can be renewed while the server runs.

mod doubts;
mod files;

use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use registry_core::ports::Clock;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::spawn_blocking,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub use self::files::TlsError;
use self::{
    doubts::Doubt,
    files::{Files, Loaded, Stamp},
};

/// How long the files are not looked at again.
const INTERVAL: Duration = Duration::from_secs(1);

/// A certificate and its key out of files, for [`ServerOptions::tls`](crate::ServerOptions::tls).
///
/// The files are looked at when a client connects, once a second at most. When they have changed,
/// what they hold is used from that connection on, and what a client kept of an earlier one is no
/// longer accepted instead of a handshake. Files that cannot be used change nothing: an error is
/// logged once, and they are tried again when they have changed again. They may be replaced by
/// renaming, by switching a symbolic link, also of a directory on the way, or be written in place.
///
/// HTTP/2 is offered before HTTP/1.1 (by ALPN); clients show no certificate.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    files: Files,
    clock: Arc<dyn Clock>,
    present: Mutex<Present>,
}

struct Present {
    config: Arc<ServerConfig>,
    /// Of the files that were tried last, whether or not they could be used.
    stamp: Stamp,
    /// When the files are to be looked at; `None` while somebody does.
    next_look: Option<Duration>,
}

impl Tls {
    /// Reads a certificate with the chain that leads to it, the server's own first, and the key
    /// that belongs to it (PKCS#8, SEC1 or PKCS#1), all in PEM; both may be in one file. Blocks
    /// while the files are read.
    ///
    /// # Errors
    /// The files cannot be read, do not hold these, or the key is not that of the certificate.
    /// A certificate that has expired, or is not good yet, and a key that everybody on the machine may
    /// read are warned of in the log; for which names the certificate is good is not asked.
    pub fn load(
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
        clock: impl Clock,
    ) -> Result<Self, TlsError> {
        let files = Files { certificate: certificate.into(), key: key.into() };
        // Before they are read: should they change meanwhile, the next look sees it.
        let stamp = files.stamp();
        let Loaded { config, doubts } = files.load(clock.now())?;
        files.tell(&doubts);
        let next_look = Some(clock.monotonic() + INTERVAL);
        let present = Mutex::new(Present { config, stamp, next_look });
        Ok(Self(Arc::new(Inner { files, clock: Arc::new(clock), present })))
    }

    /// Shakes hands with a client.
    pub(super) async fn accept<I>(&self, io: I) -> io::Result<TlsStream<I>>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        if self.0.is_look_due() {
            let inner = Arc::clone(&self.0);
            // The files may be on a network.
            spawn_blocking(move || inner.look().log(&inner.files)).await?;
        }
        let config = Arc::clone(&self.0.present().config);
        TlsAcceptor::from(config).accept(io).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Files { certificate, key } = &self.0.files;
        f.debug_struct("Tls")
            .field("certificate", certificate)
            .field("key", key)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// Whether the caller is the one to look at the files now.
    fn is_look_due(&self) -> bool {
        let now = self.clock.monotonic();
        self.present().next_look.take_if(|next| *next <= now).is_some()
    }

    /// Looks at the files, and takes what they hold if they have changed.
    fn look(&self) -> Look {
        let stamp = self.files.stamp();
        let has_changed = self.present().stamp != stamp;
        let loaded = has_changed.then(|| self.files.load(self.clock.now()));
        let mut present = self.present();
        present.stamp = stamp;
        present.next_look = Some(self.clock.monotonic() + INTERVAL);
        match loaded {
            None => Look::Same,
            Some(Ok(Loaded { config, doubts })) => {
                present.config = config;
                Look::Taken(doubts)
            }
            Some(Err(error)) => Look::Broken(error),
        }
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a look at the files found.
#[derive(Debug)]
enum Look {
    /// What was there before.
    Same,
    /// Something new, which is used from now on.
    Taken(Vec<Doubt>),
    /// Something new that cannot be used.
    Broken(TlsError),
}

impl Look {
    fn log(&self, files: &Files) {
        let certificate = files.certificate.display();
        match self {
            Self::Same => {}
            Self::Taken(doubts) => {
                tracing::info!(%certificate, "new connections get the new certificate");
                files.tell(doubts);
            }
            Self::Broken(error) => tracing::error!(
                %error,
                "the changed certificate and key cannot be used, and the server goes on with those \
                 from before; mend the files, and they are taken"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use registry_core::testing::ManualClock;
    use tempfile::TempDir;

    use super::*;

    fn write_pair(directory: &Path) -> String {
        let names = ["registry.test".to_owned()];
        let pair = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let key = pair.signing_key.serialize_pem();
        fs::write(directory.join("certificate"), pair.cert.pem()).expect("written");
        fs::write(directory.join("key"), &key).expect("written");
        key
    }

    fn load(directory: &TempDir) -> Tls {
        let at = |name: &str| directory.path().join(name);
        Tls::load(at("certificate"), at("key"), ManualClock::default()).expect("a pair")
    }

    #[test]
    fn what_is_broken_is_said_once_and_what_is_mended_is_taken() {
        let directory = tempfile::tempdir().expect("a directory");
        write_pair(directory.path());
        let Tls(inner) = load(&directory);
        assert!(matches!(inner.look(), Look::Same));
        let before = Arc::clone(&inner.present().config);
        fs::remove_file(&inner.files.key).expect("removed");
        assert!(matches!(inner.look(), Look::Broken(TlsError::Unreadable { .. })));
        assert!(matches!(inner.look(), Look::Same));
        fs::write(&inner.files.key, "something else").expect("written");
        assert!(matches!(inner.look(), Look::Broken(TlsError::NoKey { .. })));
        assert!(matches!(inner.look(), Look::Same));
        assert!(Arc::ptr_eq(&before, &inner.present().config));
        write_pair(directory.path());
        assert!(matches!(inner.look(), Look::Taken(_)));
        assert!(!Arc::ptr_eq(&before, &inner.present().config));
        assert!(matches!(inner.look(), Look::Same));
    }

    #[test]
    fn one_looks_and_the_others_go_on() {
        let directory = tempfile::tempdir().expect("a directory");
        write_pair(directory.path());
        let Tls(inner) = load(&directory);
        assert!(!inner.is_look_due());
        inner.present().next_look = Some(Duration::ZERO);
        assert!(inner.is_look_due());
        assert!(!inner.is_look_due());
        inner.look();
        assert_eq!(inner.present().next_look, Some(INTERVAL));
    }

    #[test]
    fn nothing_of_the_key_is_shown() {
        let directory = tempfile::tempdir().expect("a directory");
        let key = write_pair(directory.path());
        let shown = format!("{:?}", load(&directory));
        assert!(shown.contains("certificate"), "{shown}");
        for line in key.lines().filter(|line| !line.starts_with("-----")) {
            assert!(!shown.contains(line), "{shown}");
        }
    }
}
