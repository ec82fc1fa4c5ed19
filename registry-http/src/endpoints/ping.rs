//! end-1: is this a registry?

use hyper::{Response, StatusCode};

use crate::{
    body::ResponseBody,
    reply::{self, APPLICATION_JSON},
};

/// Clients read the status and `Docker-Distribution-API-Version`; the body is distribution's.
pub(super) fn ping() -> Response<ResponseBody> {
    reply::full(StatusCode::OK, APPLICATION_JSON, "{}")
}
