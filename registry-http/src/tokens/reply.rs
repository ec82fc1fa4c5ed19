//! What the token service replies.

use std::time::Duration;

use hyper::{
    Response, StatusCode,
    header::{CACHE_CONTROL, HeaderValue},
};
use registry_core::{credentials::Secret, ports::IssuedToken};
use serde::Serialize;

use crate::{
    body::ResponseBody,
    reply::{self, APPLICATION_JSON},
};

/// Clients take a shorter life for this one (distribution, "Token Authentication").
const SHORTEST_LIFE: Duration = Duration::from_secs(60);

const JWK_SET: HeaderValue = HeaderValue::from_static("application/jwk-set+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The reply with a token. The scope is what it carries, which only a `POST` is told.
pub(super) fn token(
    issued: &IssuedToken,
    scope: Option<&str>,
    refresh_token: Option<&Secret>,
) -> Response<ResponseBody> {
    /// Some clients read one name of the token, some the other.
    #[derive(Serialize)]
    struct Body<'a> {
        token: &'a str,
        access_token: &'a str,
        expires_in: u64,
        issued_at: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        scope: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        refresh_token: Option<&'a str>,
    }

    let token = issued.token.expose();
    let body = Body {
        token,
        access_token: token,
        expires_in: issued.lifetime.max(SHORTEST_LIFE).as_secs(),
        issued_at: humantime::format_rfc3339_seconds(issued.issued).to_string(),
        scope,
        refresh_token: refresh_token.map(Secret::expose),
    };
    // Strings and a number: there is nothing in it that JSON could not say.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = reply::full(StatusCode::OK, APPLICATION_JSON, body);
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

/// The reply with the public keys.
pub(super) fn keys(json: String) -> Response<ResponseBody> {
    reply::full(StatusCode::OK, JWK_SET, json)
}
