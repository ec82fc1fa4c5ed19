//! [`RegistryError`] → status, headers and the error envelope. Nothing else in this crate knows
//! which status a failure has.

use std::time::Duration;

use hyper::{
    HeaderMap, Response, StatusCode,
    header::{ALLOW, CONTENT_RANGE, HeaderValue, RETRY_AFTER},
};
use registry_core::{
    endpoint::{Endpoint, EndpointError},
    error::{ErrorCode, RegistryError},
    identity::{Caller, Principal},
};
use serde::Serialize;

use crate::{
    base_path::BasePath,
    body::ResponseBody,
    chain::Chain,
    endpoints,
    reply::{self, APPLICATION_JSON},
};

/// The longest delay that a client is told.
const LONGEST_DELAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The status of every code. The array's length makes the compiler ask for a row when the core
/// gets a new code.
const STATUSES: [(ErrorCode, StatusCode); ErrorCode::ALL.len()] = [
    (ErrorCode::BadRequest, StatusCode::BAD_REQUEST),
    (ErrorCode::BlobUnknown, StatusCode::NOT_FOUND),
    (ErrorCode::BlobUploadInvalid, StatusCode::BAD_REQUEST),
    (ErrorCode::BlobUploadRange, StatusCode::RANGE_NOT_SATISFIABLE),
    (ErrorCode::BlobUploadUnknown, StatusCode::NOT_FOUND),
    (ErrorCode::Denied, StatusCode::FORBIDDEN),
    (ErrorCode::DigestInvalid, StatusCode::BAD_REQUEST),
    (ErrorCode::Full, StatusCode::INSUFFICIENT_STORAGE),
    (ErrorCode::Internal, StatusCode::INTERNAL_SERVER_ERROR),
    (ErrorCode::ManifestBlobUnknown, StatusCode::BAD_REQUEST),
    (ErrorCode::ManifestInvalid, StatusCode::BAD_REQUEST),
    (ErrorCode::ManifestTimeout, StatusCode::REQUEST_TIMEOUT),
    (ErrorCode::ManifestUnknown, StatusCode::NOT_FOUND),
    (ErrorCode::MethodNotAllowed, StatusCode::METHOD_NOT_ALLOWED),
    (ErrorCode::NameInvalid, StatusCode::BAD_REQUEST),
    (ErrorCode::NameUnknown, StatusCode::NOT_FOUND),
    (ErrorCode::NotFound, StatusCode::NOT_FOUND),
    (ErrorCode::RangeNotSatisfiable, StatusCode::RANGE_NOT_SATISFIABLE),
    (ErrorCode::SizeInvalid, StatusCode::BAD_REQUEST),
    (ErrorCode::Timeout, StatusCode::REQUEST_TIMEOUT),
    (ErrorCode::TooLarge, StatusCode::PAYLOAD_TOO_LARGE),
    (ErrorCode::TooManyRequests, StatusCode::TOO_MANY_REQUESTS),
    (ErrorCode::TooManyTags, StatusCode::URI_TOO_LONG),
    (ErrorCode::Unauthorized, StatusCode::UNAUTHORIZED),
    (ErrorCode::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
    (ErrorCode::Unsupported, StatusCode::METHOD_NOT_ALLOWED),
];

/// The status of a code.
pub(crate) fn status(code: ErrorCode) -> StatusCode {
    STATUSES
        .iter()
        .find(|(row, _)| *row == code)
        .map_or(StatusCode::INTERNAL_SERVER_ERROR, |(_, status)| *status)
}

/// The reply to a request that failed, as far as it was understood.
pub(crate) fn response(
    error: &RegistryError,
    endpoint: Option<&Endpoint>,
    base_path: &BasePath,
    caller: &Caller,
) -> Response<ResponseBody> {
    let code = error.code();
    let status = status(code);
    log(error, status, caller);
    let mut response = reply::full(status, APPLICATION_JSON, envelope(error, code));
    add_headers(response.headers_mut(), error, endpoint, base_path);
    response
}

/// The envelope of the distribution spec, "Error Codes". Only the error's own text goes to the
/// client; its sources go to the log.
fn envelope(error: &RegistryError, code: ErrorCode) -> Vec<u8> {
    #[derive(Serialize)]
    struct Envelope {
        errors: Vec<Entry>,
    }

    #[derive(Serialize)]
    struct Entry {
        code: &'static str,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<Detail>,
    }

    #[derive(Serialize)]
    struct Detail {
        digest: String,
    }

    let entry = |detail| Entry { code: code.as_str(), message: error.to_string(), detail };
    let errors = match error {
        RegistryError::ManifestBlobUnknown(missing) => missing
            .iter()
            .map(|digest| entry(Some(Detail { digest: digest.to_string() })))
            .collect(),
        _ => vec![entry(None)],
    };
    // Strings only: there is nothing in it that JSON could not say.
    serde_json::to_vec(&Envelope { errors }).unwrap_or_default()
}

fn add_headers(
    headers: &mut HeaderMap,
    error: &RegistryError,
    endpoint: Option<&Endpoint>,
    base_path: &BasePath,
) {
    match (error, endpoint) {
        (RegistryError::Endpoint(EndpointError::Method { allow }), _) => {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        (RegistryError::Unsupported, endpoint) => {
            headers.insert(ALLOW, HeaderValue::from_static(endpoint.map_or("", reads)));
        }
        (RegistryError::RangeNotSatisfiable { size }, _) => {
            headers.insert(CONTENT_RANGE, reply::text(format_args!("bytes */{size}")));
        }
        // D8: with these a client can go on where the upload really is.
        (
            RegistryError::UploadRange { offset },
            Some(Endpoint::AppendUpload { name, id } | Endpoint::CloseUpload { name, id, .. }),
        ) => endpoints::uploads::add_position(headers, base_path, name, *id, *offset),
        _ => {}
    }
    if let Some(delay) = error.retry_after() {
        // Rounded up, so that nobody comes back too early, and a day at most: where waiting does not
        // help the delay has no end.
        let delay = delay.min(LONGEST_DELAY);
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// The methods of a path that a registry without writes has (RFC 9110 section 10.2.1: a 405 lists
/// what is allowed, which may be nothing).
const fn reads(endpoint: &Endpoint) -> &'static str {
    match endpoint {
        Endpoint::PushManifest { .. }
        | Endpoint::DeleteManifest { .. }
        | Endpoint::DeleteBlob { .. } => "GET, HEAD",
        _ => "",
    }
}

/// The whole chain of causes, once: what an operator has to mend at `error`, what passes at `warn`,
/// whoever is not let in or may not at `info`, and what else is the client's to mend at `debug`.
fn log(error: &RegistryError, status: StatusCode, caller: &Caller) {
    let (cause, error, status) = (error, Chain(error), status.as_u16());
    let request_id = &*caller.request_id;
    let peer = caller.peer.map(tracing::field::display);
    match (status, cause) {
        (401 | 429, RegistryError::Authentication(refusal)) => {
            let principal = refusal.whose();
            let credential = principal.and_then(Principal::key_id);
            let principal = principal.map(tracing::field::debug);
            tracing::info!(
                request_id,
                status,
                peer,
                principal,
                credential,
                %error,
                "credentials refused"
            );
        }
        // Of what the policy denies the core has logged the reason, which this error has not.
        (403, cause) if !matches!(cause, RegistryError::Denied) => {
            let principal = &caller.principal;
            let credential = principal.key_id();
            tracing::info!(request_id, status, peer, ?principal, credential, %error, "refused");
        }
        (503, _) => tracing::warn!(request_id, status, %error, "not now"),
        (500.., _) => tracing::error!(request_id, status, %error, "failed"),
        _ => tracing::debug!(request_id, status, %error, "refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_code_in_the_order_of_the_list() {
        assert_eq!(STATUSES.map(|(code, _)| code), ErrorCode::ALL);
    }

    /// The spec's codes are a closed list for 4xx (distribution-spec, "Error Codes").
    #[test]
    fn what_is_the_clients_fault_has_a_code_of_the_spec() {
        const SPEC: [&str; 14] = [
            "BLOB_UNKNOWN",
            "BLOB_UPLOAD_INVALID",
            "BLOB_UPLOAD_UNKNOWN",
            "DIGEST_INVALID",
            "MANIFEST_BLOB_UNKNOWN",
            "MANIFEST_INVALID",
            "MANIFEST_UNKNOWN",
            "NAME_INVALID",
            "NAME_UNKNOWN",
            "SIZE_INVALID",
            "UNAUTHORIZED",
            "DENIED",
            "UNSUPPORTED",
            "TOOMANYREQUESTS",
        ];
        for (code, status) in STATUSES {
            assert!(status.is_client_error() || status.is_server_error(), "{code:?}: {status}");
            if status.is_client_error() {
                assert!(SPEC.contains(&code.as_str()), "{code:?} is {}", code.as_str());
            }
        }
    }
}
