//! What is odd about a certificate and a key that can be used all the same.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use rustls::{
    CertificateError, Error, RootCertStore,
    client::verify_server_cert_signed_by_trust_anchor,
    pki_types::{CertificateDer, UnixTime},
    server::ParsedCertificate,
};

/// What an operator should know, and no reason not to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Everybody on the machine may read the key, or write it.
    OpenKey,
    /// The certificate is no longer good.
    Expired,
    /// The certificate is not good yet, or the machine's clock is wrong.
    NotYetValid,
}

/// What is odd about this certificate, and about the file with its key.
pub(super) fn doubts(
    key_file: &Path,
    certificate: &CertificateDer<'_>,
    now: SystemTime,
) -> Vec<Doubt> {
    [key(key_file), time(certificate, now)].into_iter().flatten().collect()
}

/// A group may well be there for those that need the key.
fn key(file: &Path) -> Option<Doubt> {
    let metadata = fs::metadata(file).ok()?;
    (metadata.mode() & 0o007 != 0).then_some(Doubt::OpenKey)
}

/// Who signed it is for the clients to judge. Trusting nobody, the library looks at the time before it
/// looks for whoever signed it.
fn time(certificate: &CertificateDer<'_>, now: SystemTime) -> Option<Doubt> {
    let now = UnixTime::since_unix_epoch(now.duration_since(UNIX_EPOCH).ok()?);
    let certificate = ParsedCertificate::try_from(certificate).ok()?;
    let nobody = RootCertStore::empty();
    match verify_server_cert_signed_by_trust_anchor(&certificate, &nobody, &[], now, &[]) {
        Err(Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => Some(Doubt::Expired),
        Err(Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )) => Some(Doubt::NotYetValid),
        _ => None,
    }
}

impl Doubt {
    pub(super) fn log(self, certificate: &Path, key: &Path) {
        let (certificate, key) = (certificate.display(), key.display());
        match self {
            Self::OpenKey => tracing::warn!(
                %key,
                "everybody on this machine may use the file with the private key: take it from others \
                 (chmod o= FILE)"
            ),
            Self::Expired => {
                tracing::warn!(%certificate, "the certificate has expired, and clients refuse it");
            }
            Self::NotYetValid => tracing::warn!(
                %certificate,
                "the certificate is not good yet, and clients refuse it; or the clock here is wrong"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, time::Duration};

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::{super::files::Files, *};

    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    #[test]
    fn a_key_for_everybody_and_a_certificate_out_of_its_time_are_doubtful() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        let files = Files { certificate: at("certificate"), key: at("key") };
        let pair = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(["registry.test".to_owned()]).expect("a name");
        (parameters.not_before, parameters.not_after) =
            (date_time_ymd(2000, 1, 1), date_time_ymd(2010, 1, 1));
        let certificate = parameters.self_signed(&pair).expect("a certificate");
        fs::write(&files.certificate, certificate.pem()).expect("written");
        fs::write(&files.key, pair.serialize_pem()).expect("written");
        for (mode, year, expected) in [
            (0o600, 35, &[][..]),
            (0o640, 35, &[]),
            (0o644, 35, &[Doubt::OpenKey]),
            (0o602, 35, &[Doubt::OpenKey]),
            (0o600, 41, &[Doubt::Expired]),
            (0o600, 29, &[Doubt::NotYetValid]),
            (0o604, 41, &[Doubt::OpenKey, Doubt::Expired]),
        ] {
            fs::set_permissions(&files.key, fs::Permissions::from_mode(mode)).expect("set");
            let loaded = files.load(UNIX_EPOCH + YEAR * year).expect("a pair that can be used");
            assert_eq!(loaded.doubts, expected, "{mode:o} {year}");
        }
    }
}
