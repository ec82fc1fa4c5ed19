//! What several tests do with commands.

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{Method, StatusCode, header::AUTHORIZATION};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{http::Http, program::Program};

/// A line of an htpasswd file: a user with the password `U*U*U`, by a test vector of crypt_blowfish.
pub(crate) fn in_file(user: &str) -> String {
    format!("{user}:$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a\n")
}

/// Adds a user and gives its password.
pub(crate) fn add(program: &Program, user: &str, more: &[&str]) -> String {
    let run = program.run(&[&["user", "add", user, "--generate"], more].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    run.stdout.trim_end().to_owned()
}

/// The JSON that a command prints.
pub(crate) fn json(program: &Program, arguments: &[&str]) -> Value {
    let run = program.run(arguments);
    assert_eq!(run.code, Some(0), "{arguments:?}: {run:?}");
    serde_json::from_str(&run.stdout).expect("JSON")
}

/// Name and password as a header.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// Sends a request, with this header where there is one.
pub(crate) async fn status(
    http: &Http,
    method: Method,
    path: &str,
    authorization: &str,
    body: &'static str,
) -> StatusCode {
    let header = [(AUTHORIZATION, authorization)];
    let headers = if authorization.is_empty() { &[][..] } else { &header };
    http.send(method, path, headers, body).await.expect("a reply").status
}

/// What a push of a blob comes to.
pub(crate) async fn push(http: &Http, repository: &str, authorization: &str) -> StatusCode {
    const BLOB: &str = "a blob";
    let digest = hex::encode(Sha256::digest(BLOB));
    let path = format!("/v2/{repository}/blobs/uploads/?digest=sha256:{digest}");
    status(http, Method::POST, &path, authorization, BLOB).await
}

/// A token of whoever logs in so, or the status without one.
pub(crate) async fn token(
    http: &Http,
    authorization: &str,
    scope: &str,
) -> Result<String, StatusCode> {
    let path = format!("/v2/_token?service=registry&scope={scope}");
    let header = [(AUTHORIZATION, authorization)];
    let headers = if authorization.is_empty() { &[][..] } else { &header };
    let reply = http.send(Method::GET, &path, headers, "").await.expect("a reply");
    if reply.status != StatusCode::OK {
        return Err(reply.status);
    }
    let body: Value = serde_json::from_slice(&reply.body).expect("JSON");
    Ok(format!("Bearer {}", body["token"].as_str().expect("a token")))
}
