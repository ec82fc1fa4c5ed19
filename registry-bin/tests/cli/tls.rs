//! HTTPS: what it wants, and that it is served.

use std::{fs, net::SocketAddr, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{program::Program, running::Running};

const FILES: [&str; 4] = ["--tls-certificate", "tls.crt", "--tls-key", "tls.key"];

/// A directory with a certificate for this machine and its key.
pub(crate) fn program() -> Program {
    let pair = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a pair");
    Program::new()
        .file("tls.crt", &pair.cert.pem())
        .file("tls.key", &pair.signing_key.serialize_pem())
}

/// Both commands refuse this with code 2 and this sentence, `{}` being the directory.
#[track_caller]
fn assert_refused(program: &Program, arguments: &[&str], sentence: &str) {
    let directory = program.path().canonicalize().expect("a path");
    let sentence = sentence.replace("{}", &directory.display().to_string());
    for command in [&["check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let run = program.run(&[command, arguments].concat());
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{}", run.stderr);
        assert_eq!(run.stderr.trim_end(), sentence);
    }
    assert!(!program.path().join("registry-data").exists(), "nothing is left behind");
}

#[test]
fn one_file_without_the_other_is_refused() {
    let program = program();
    assert_refused(
        &program,
        &FILES[..2],
        "tls-certificate is set (--tls-certificate) but tls-key is not; HTTPS needs both, HTTP \
         neither",
    );
    assert_refused(
        &program.variable("REGISTRY_TLS_KEY", "tls.key"),
        &[],
        "tls-key is set (REGISTRY_TLS_KEY) but tls-certificate is not; HTTPS needs both, HTTP \
         neither",
    );
}

#[test]
fn files_that_are_missing_or_broken_are_refused() {
    let hint = "; see --tls-certificate and --tls-key";
    for (file, text, reason) in [
        ("tls.crt", None, "{}/tls.crt cannot be read: No such file or directory (os error 2)"),
        ("tls.key", None, "{}/tls.key cannot be read: No such file or directory (os error 2)"),
        ("tls.crt", Some(""), "{}/tls.crt holds no certificate in PEM format"),
        (
            "tls.key",
            Some("-----BEGIN PRIVATE KEY-----\nAAAA\n"),
            "{}/tls.key is damaged: it ends before its END line",
        ),
    ] {
        let program = program();
        match text {
            Some(text) => fs::write(program.path().join(file), text).expect("written"),
            None => fs::remove_file(program.path().join(file)).expect("removed"),
        }
        assert_refused(&program, &FILES, &format!("cannot serve HTTPS: {reason}{hint}"));
    }
    let other = program();
    let program = program();
    fs::copy(other.path().join("tls.key"), program.path().join("tls.key")).expect("copied");
    let reason = "the key in {}/tls.key is not that of the first certificate in {}/tls.crt";
    assert_refused(&program, &FILES, &format!("cannot serve HTTPS: {reason}{hint}"));
}

#[test]
fn a_good_pair_is_shown_with_where_it_comes_from() {
    let program = program();
    let run = program.run(&[&["check"][..], &FILES].concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let path = program.path().canonicalize().expect("a path").join("tls.crt");
    let line = format!("tls-certificate = {:?}", path.display().to_string());
    let shown = run.stdout.lines().find(|shown| shown.starts_with(&line)).expect("its line");
    assert!(shown.ends_with("# --tls-certificate"), "{shown}");
}

/// What a server answers to a GET over HTTPS to who trusts the certificate of this program.
pub(crate) async fn get(program: &Program, address: SocketAddr, path: &str) -> String {
    let certificate = CertificateDer::from_pem_file(program.path().join("tls.crt"));
    let mut roots = RootCertStore::empty();
    roots.add(certificate.expect("a certificate")).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::from(address.ip());
    let stream = TcpStream::connect(address).await.expect("connects");
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await.expect("a handshake");
    let request = format!("GET {path} HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sends");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.expect("a reply, and that it is all");
    reply
}

#[tokio::test]
async fn the_registry_and_its_probes_answer_over_https() {
    let program = program();
    let mut running = Running::start(&program, &FILES);
    let line = running.wait_for("listening");
    let event: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(event["url"], format!("https://{}", running.address));
    for (path, body) in [("/v2/", "{}"), ("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let reply = get(&program, running.address, path).await;
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {reply}");
        assert!(reply.ends_with(&format!("\r\n\r\n{body}")), "{path}: {reply}");
    }
    let human = [&FILES[..], &["--store", "memory", "--log-format", "human"]].concat();
    let mut running = Running::start(&program, &human);
    running.wait_for(&format!("listening on https://{}", running.address));
    let reply = get(&program, running.address, "/v2/").await;
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
}
