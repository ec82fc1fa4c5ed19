//! A key that the tests know, a clock that they move, and tokens in pieces.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use registry_adapters::jwt::{JsonWebTokens, KeyRing};
use registry_core::{
    access::{Action, Grant},
    credentials::Secret,
    identity::{Principal, PrincipalKind},
    ports::{AuthenticationError, TokenIssuer, TokenVerifier, VerifiedToken},
    testing::{ManualClock, Seeded},
};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const ISSUER: &str = "https://registry.example";
pub(crate) const SERVICE: &str = "registry.example";
/// The key of RFC 8410 section 10.3.
pub(crate) const PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
pub(crate) const SEED: &str = "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842";

pub(crate) const KINDS: [PrincipalKind; 5] = [
    PrincipalKind::Anonymous,
    PrincipalKind::User,
    PrincipalKind::Service,
    PrincipalKind::Project,
    PrincipalKind::Runner,
];

/// Tokens by the known key.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) keys: KeyRing,
    pub(crate) tokens: JsonWebTokens,
    _directory: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let directory = TempDir::new().expect("a directory");
        let file = write(directory.path(), "key.pem", PEM, 0o600);
        let keys = KeyRing::from_pem_file(&file, Arc::clone(&clock)).expect("a key");
        let tokens = tokens(&keys, &clock);
        Self { clock, keys, tokens, _directory: directory }
    }

    /// A token of [`alice`].
    pub(crate) async fn token(&self) -> String {
        token(&self.tokens).await
    }
}

pub(crate) fn tokens(keys: &KeyRing, clock: &Arc<ManualClock>) -> JsonWebTokens {
    JsonWebTokens::new(ISSUER, SERVICE, keys.clone(), Arc::clone(clock), Seeded::default())
}

pub(crate) fn alice() -> Principal {
    Principal::new(PrincipalKind::User, "alice")
}

pub(crate) fn pull() -> Grant {
    Grant::repository(&"team/app".parse().expect("a name"), [Action::Pull])
}

/// A token of [`alice`], who may pull.
pub(crate) async fn token(tokens: &JsonWebTokens) -> String {
    let issued = tokens.issue(&alice(), &[pull()]).await.expect("a token");
    issued.token.expose().to_owned()
}

pub(crate) async fn verify(
    tokens: &JsonWebTokens,
    token: &str,
) -> Result<VerifiedToken, AuthenticationError> {
    tokens.verify(&Secret::new(token), &KINDS).await
}

/// Why a token is refused, for the log.
pub(crate) async fn reason(tokens: &JsonWebTokens, token: &str) -> String {
    match verify(tokens, token).await {
        Err(AuthenticationError::Refused { reason, .. }) => reason.into_owned(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn known_pair() -> Ed25519KeyPair {
    pair(&hex(SEED))
}

pub(crate) fn pair(seed: &[u8]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed).expect("a key")
}

/// A token of this header and these claims.
pub(crate) fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signature = sign(message.as_bytes());
    format!("{message}.{}", encode(signature))
}

/// Signs as the registry does.
pub(crate) fn by_us(message: &[u8]) -> Vec<u8> {
    known_pair().sign(message).as_ref().to_vec()
}

/// Header and claims of a token.
pub(crate) fn parts(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| {
        let json = BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64");
        serde_json::from_slice(&json)
    });
    let [header, claims] = [(); 2].map(|()| parts.next().expect("a part").expect("JSON"));
    (header, claims)
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn write(directory: &Path, name: &str, text: &str, mode: u32) -> std::path::PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
    path
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn hex(text: &str) -> Vec<u8> {
    let byte = |i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(byte).collect()
}
