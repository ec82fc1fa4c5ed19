//! The server over TLS.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};
use registry_core::{
    digest::Algorithm,
    ports::{Clock, ContentBytes},
    testing::PatientClock,
};
use registry_http::{ServerOptions, Tls, TlsError};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::CertificateDer,
    version::{TLS12, TLS13},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    downloads::{as_stream, path, service},
    origin,
    support::*,
};

const NAME: &str = "registry.test";

/// A certificate and its key.
struct Pair {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key_pem: String,
}

impl Pair {
    fn new() -> Self {
        Self::with(&KeyPair::generate().expect("a key"))
    }

    fn with(key: &KeyPair) -> Self {
        let parameters = rcgen::CertificateParams::new([NAME.to_owned()]).expect("a name");
        let certificate = parameters.self_signed(key).expect("a certificate");
        Self {
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    fn write(&self, directory: &Path) {
        fs::create_dir_all(directory).expect("a directory");
        fs::write(directory.join("tls.crt"), &self.certificate_pem).expect("written");
        fs::write(directory.join("tls.key"), &self.key_pem).expect("written");
    }

    /// Puts one of its files where another one is, by renaming.
    fn replace(&self, directory: &Path, file: &str) {
        let fresh = directory.join("fresh");
        self.write(&fresh);
        fs::rename(fresh.join(file), directory.join(file)).expect("renamed");
    }
}

/// A directory with a pair's files.
fn directory(pair: &Pair) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    pair.write(directory.path());
    directory
}

fn load(directory: &Path, clock: impl Clock) -> Result<Tls, TlsError> {
    Tls::load(directory.join("tls.crt"), directory.join("tls.key"), clock)
}

/// Starts a server with the pair in this directory.
async fn start_tls(directory: &Path, clock: impl Clock, mut options: ServerOptions) -> Server {
    options.tls = Some(load(directory, clock).expect("a pair"));
    start_open(options).await
}

/// A client that trusts these pairs, and speaks this version and these protocols.
fn connector(
    trusted: &[&Pair],
    version: &'static SupportedProtocolVersion,
    protocols: &[&str],
) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for pair in trusted {
        roots.add(pair.certificate.clone()).expect("a root");
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| (*protocol).into()).collect();
    TlsConnector::from(Arc::new(config))
}

async fn connect(server: &Server, connector: &TlsConnector) -> TlsStream<TcpStream> {
    let name = NAME.try_into().expect("a name");
    connector.connect(name, server.connect().await).await.expect("a handshake")
}

/// The certificate that the next connection gets, out of these.
async fn served(server: &Server, pairs: &[&Pair]) -> usize {
    let stream = connect(server, &connector(pairs, &TLS13, &[])).await;
    let chain = stream.get_ref().1.peer_certificates().expect("a certificate");
    let is_served = |pair: &&Pair| pair.certificate == chain[0];
    pairs.iter().position(is_served).expect("one of them")
}

#[tokio::test]
async fn a_blob_goes_up_and_down_in_the_protocol_that_was_agreed_on() {
    let pair = Pair::new();
    let directory = directory(&pair);
    let clock = PatientClock::default();
    let server = start_tls(directory.path(), clock, ServerOptions::default()).await;
    for version in [&TLS12, &TLS13] {
        for (offered, agreed) in
            [(&["http/1.1"][..], Some("http/1.1")), (&["http/1.1", "h2"], Some("h2")), (&[], None)]
        {
            let stream = connect(&server, &connector(&[&pair], version, offered)).await;
            let session = stream.get_ref().1;
            assert_eq!(session.alpn_protocol(), agreed.map(str::as_bytes), "{offered:?}");
            assert_eq!(session.protocol_version(), Some(version.version));
            let mut client = match agreed {
                Some("h2") => Client::http2_over(stream).await,
                _ => Client::http1_over(stream).await,
            };
            let blob: Vec<u8> = (0..5_000_011_u32).map(|i| (i % 251) as u8).collect();
            let digest = Algorithm::Sha256.digest(&blob);
            let push = format!("/v2/a/blobs/uploads/?digest={digest}");
            assert_eq!(client.send("POST", &push, &[], blob.clone()).await.status, 201);
            let reply = client.send("GET", &format!("/v2/a/blobs/{digest}"), &[], "").await;
            assert_eq!(reply.status, 200);
            assert!(reply.body == blob, "{offered:?}: other bytes");
        }
    }
}

#[tokio::test]
async fn a_client_is_sent_to_where_its_password_is_encrypted() {
    let pair = Pair::new();
    let directory = directory(&pair);
    let mut options = ServerOptions::default();
    options.tls = Some(load(directory.path(), PatientClock::default()).expect("a pair"));
    let server = start(origin::service(), options).await;
    let http1 = connect(&server, &connector(&[&pair], &TLS13, &["http/1.1"])).await;
    let http2 = connect(&server, &connector(&[&pair], &TLS13, &["h2"])).await;
    for mut client in [Client::http1_over(http1).await, Client::http2_over(http2).await] {
        let reply = client.send("GET", "/v2/", &[], "").await;
        assert_eq!(origin::realm(&reply), "https://registry.test/v2/_token");
    }
}

#[tokio::test]
async fn a_file_is_read_as_a_stream_since_nothing_may_leave_as_it_is() {
    let pair = Pair::new();
    let directory = directory(&pair);
    let mut options = ServerOptions::default();
    options.tls = Some(load(directory.path(), PatientClock::default()).expect("a pair"));
    let file = tempfile::tempfile().expect("a file");
    file.set_len(10).expect("a length");
    let open = move |_, _| ContentBytes::File(file.try_clone().expect("a file"), as_stream);
    let server = start(service(10, open), options).await;
    let stream = connect(&server, &connector(&[&pair], &TLS13, &[])).await;
    let mut client = Client::http1_over(stream).await;
    assert_eq!(client.send("GET", &path(), &[], "").await.body, "ssssssssss");
}

#[tokio::test]
async fn a_client_that_speaks_no_tls_is_dropped_without_harm() {
    let pair = Pair::new();
    let directory = directory(&pair);
    let clock = PatientClock::default();
    let server = start_tls(directory.path(), clock, ServerOptions::default()).await;
    for said in ["GET /v2/ HTTP/1.1\r\nhost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let reply = server.talk(said).await;
        assert!(!reply.contains("HTTP"), "{reply}");
    }
    assert_eq!(served(&server, &[&pair]).await, 0);
}

#[tokio::test]
async fn a_client_that_does_not_get_on_is_dropped_and_keeps_nobody_waiting() {
    let pair = Pair::new();
    let directory = directory(&pair);
    let mut options = ServerOptions::default();
    options.header_timeout = Duration::from_secs(2);
    let server = start_tls(directory.path(), PatientClock::default(), options).await;
    // Nothing; the beginning of a handshake; a handshake and then nothing.
    let mut nothing = server.connect().await;
    let mut begun = server.connect().await;
    begun.write_all(&[22, 3, 1, 2, 0, 1]).await.expect("sent");
    let mut silent = connect(&server, &connector(&[&pair], &TLS13, &[])).await;

    let stream = connect(&server, &connector(&[&pair], &TLS13, &[])).await;
    let mut client = Client::http1_over(stream).await;
    assert_eq!(client.send("GET", "/v2/", &[], "").await.status, 200);
    assert_eq!(read_to_end(&mut nothing).await, "");
    read_to_end(&mut begun).await;
    let mut reply = Vec::new();
    let _ = tokio::time::timeout(SOON, silent.read_to_end(&mut reply)).await.expect("an end");
    assert_eq!(reply, b"");
}

#[tokio::test]
async fn a_handshake_holds_a_place_until_it_is_given_up() {
    let pair = Pair::new();
    let directory = directory(&pair);
    let mut options = ServerOptions::default();
    options.max_connections = 1;
    options.header_timeout = Duration::from_secs(2);
    let server = start_tls(directory.path(), PatientClock::default(), options).await;
    let mut first = server.connect().await;
    // Gets a place once the first has lost it.
    assert_eq!(served(&server, &[&pair]).await, 0);
    assert_eq!(read_to_end(&mut first).await, "");
}

#[tokio::test]
async fn a_server_that_stops_waits_for_no_handshake() {
    let pair = Pair::new();
    let directory = directory(&pair);
    let mut options = ServerOptions::default();
    options.header_timeout = Duration::from_secs(3600);
    options.drain_limit = Duration::from_secs(3600);
    let mut server = start_tls(directory.path(), PatientClock::default(), options).await;
    let mut begun = server.connect().await;
    begun.write_all(&[22, 3, 1]).await.expect("sent");
    assert_eq!(served(&server, &[&pair]).await, 0);
    server.stop();
    assert_eq!(server.stopped().await.broken_off, 0);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_dropped() {
    let pair = Pair::new();
    let directory = directory(&pair);
    let mut options = ServerOptions::default();
    options.send_timeout = Duration::from_millis(50);
    options.drain_limit = Duration::from_secs(3600);
    let mut server = start_tls(directory.path(), PatientClock::default(), options).await;
    let connector = connector(&[&pair], &TLS13, &[]);
    let mut client = Client::http1_over(connect(&server, &connector).await).await;
    // More than the buffers of both sockets hold, of which the client reads nothing.
    let blob = vec![1; 40 * 1024 * 1024];
    let digest = Algorithm::Sha256.digest(&blob);
    let push = format!("/v2/a/blobs/uploads/?digest={digest}");
    assert_eq!(client.send("POST", &push, &[], blob).await.status, 201);
    drop(client);
    let mut stream = connect(&server, &connector).await;
    let request = format!("GET /v2/a/blobs/{digest} HTTP/1.1\r\nhost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream.read_u8().await.expect("the reply begins");
    // While a request is under way the server does not stop, so this ends because it was given up.
    server.stop();
    server.stopped().await;
}

#[tokio::test]
async fn files_that_are_replaced_by_renaming_are_served_to_the_next_connection() {
    let [old, new] = [Pair::new(), Pair::new()];
    let directory = directory(&old);
    let clock = PatientClock::default();
    let server = start_tls(directory.path(), clock.clone(), ServerOptions::default()).await;
    let mut kept =
        Client::http1_over(connect(&server, &connector(&[&old], &TLS13, &[])).await).await;
    new.replace(directory.path(), "tls.crt");
    new.replace(directory.path(), "tls.key");
    assert_eq!(served(&server, &[&old, &new]).await, 0, "they are not looked at all the time");
    clock.advance(Duration::from_secs(1));
    assert_eq!(served(&server, &[&old, &new]).await, 1);
    assert_eq!(kept.send("GET", "/v2/", &[], "").await.status, 200);
}

#[tokio::test]
async fn files_that_are_replaced_by_switching_a_link_are_served_to_the_next_connection() {
    let [old, new] = [Pair::new(), Pair::new()];
    let root = tempfile::tempdir().expect("a directory");
    let at = |name: &str| -> PathBuf { root.path().join(name) };
    // As a Kubernetes secret is mounted: the files are links through a link to a directory.
    old.write(&at("1"));
    new.write(&at("2"));
    symlink("1", at("data")).expect("a link");
    for file in ["tls.crt", "tls.key"] {
        symlink(Path::new("data").join(file), at(file)).expect("a link");
    }
    let clock = PatientClock::default();
    let server = start_tls(root.path(), clock.clone(), ServerOptions::default()).await;
    assert_eq!(served(&server, &[&old, &new]).await, 0);
    symlink("2", at("data.new")).expect("a link");
    fs::rename(at("data.new"), at("data")).expect("switched");
    clock.advance(Duration::from_secs(1));
    assert_eq!(served(&server, &[&old, &new]).await, 1);
}

#[tokio::test]
async fn a_broken_replacement_changes_nothing_until_it_is_mended() {
    let [old, new] = [Pair::new(), Pair::new()];
    let directory = directory(&old);
    let clock = PatientClock::default();
    let server = start_tls(directory.path(), clock.clone(), ServerOptions::default()).await;
    // The certificate is there before its key.
    new.replace(directory.path(), "tls.crt");
    clock.advance(Duration::from_secs(1));
    assert_eq!(served(&server, &[&old, &new]).await, 0);
    fs::remove_file(directory.path().join("tls.key")).expect("removed");
    clock.advance(Duration::from_secs(1));
    assert_eq!(served(&server, &[&old, &new]).await, 0);
    fs::write(directory.path().join("tls.key"), &new.key_pem).expect("written");
    clock.advance(Duration::from_secs(1));
    assert_eq!(served(&server, &[&old, &new]).await, 1);
}

#[tokio::test]
async fn a_session_of_the_certificate_before_is_not_resumed() {
    let [old, new] = [Pair::new(), Pair::new()];
    let directory = directory(&old);
    let clock = PatientClock::default();
    let server = start_tls(directory.path(), clock.clone(), ServerOptions::default()).await;
    // TLS 1.2 hands the session over in the handshake, so that nothing is to be waited for.
    let connector = connector(&[&old, &new], &TLS12, &[]);
    let kind = async || connect(&server, &connector).await.get_ref().1.handshake_kind();
    assert_eq!(kind().await, Some(rustls::HandshakeKind::Full));
    assert_eq!(kind().await, Some(rustls::HandshakeKind::Resumed));
    new.replace(directory.path(), "tls.crt");
    new.replace(directory.path(), "tls.key");
    clock.advance(Duration::from_secs(1));
    assert_eq!(kind().await, Some(rustls::HandshakeKind::Full));
}

#[test]
fn what_is_no_pair_is_refused_in_a_sentence_that_shows_no_key() {
    let [pair, other] = [Pair::new(), Pair::new()];
    let cut = &pair.key_pem[..pair.key_pem.len() / 2];
    let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let odd_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let [certificate, key] = [pair.certificate_pem.as_str(), pair.key_pem.as_str()];
    for (certificate, key, sentence) in [
        (certificate, other.key_pem.as_str(), "is not that of the first certificate in"),
        (key, key, "tls.crt holds no certificate"),
        ("", key, "tls.crt holds no certificate"),
        (certificate, certificate, "tls.key holds no private key"),
        (certificate, cut, "tls.key is damaged: it ends before its END line"),
        (odd, key, "the certificate in"),
        (certificate, odd_key, "the key in"),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("tls.crt"), certificate).expect("written");
        fs::write(directory.path().join("tls.key"), key).expect("written");
        let error =
            load(directory.path(), PatientClock::default()).expect_err(sentence).to_string();
        assert!(error.contains(sentence), "{error}");
        let mut lines = pair.key_pem.lines().filter(|line| !line.starts_with("-----"));
        assert!(lines.all(|line| !error.contains(line)), "{error}");
    }
    let error = load(Path::new("/nowhere"), PatientClock::default()).expect_err("nothing there");
    assert!(error.to_string().starts_with("/nowhere/tls.crt cannot be read: "), "{error}");
}

#[test]
fn keys_of_every_kind_are_read_also_beside_their_certificate_in_one_file() {
    for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let pair = Pair::with(&KeyPair::generate_for(algorithm).expect("a key"));
        let directory = tempfile::tempdir().expect("a directory");
        let both = directory.path().join("both.pem");
        fs::write(&both, format!("{}{}", pair.key_pem, pair.certificate_pem)).expect("written");
        Tls::load(&both, &both, PatientClock::default()).expect("a pair");
    }
}
