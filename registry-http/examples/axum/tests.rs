//! What the users of the application see.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use tower_service::Service;

use super::*;

const ALICE: &str = "Basic YWxpY2U6a2V5LW9mLWFsaWNl";
const ALICE_WITH_BOBS_KEY: &str = "Basic YWxpY2U6a2V5LW9mLWJvYg==";

async fn ask(application: &Router, method: &str, path: &str, credentials: &str) -> StatusCode {
    let mut request = Request::builder().method(method).uri(path);
    if !credentials.is_empty() {
        request = request.header("authorization", credentials);
    }
    let request = request.body(Body::empty()).expect("a request");
    application.clone().call(request).await.expect("never an error").status()
}

#[tokio::test]
async fn the_registry_knows_the_applications_users() {
    let keys = [("alice", "key-of-alice"), ("bob", "key-of-bob")];
    let application = application(Arc::new(Accounts::of(&keys)));
    for (method, path, credentials, status) in [
        ("GET", "/", "", 200),
        ("GET", "/v2/", "", 401),
        ("GET", "/v2/", ALICE, 200),
        ("GET", "/v2/", ALICE_WITH_BOBS_KEY, 401),
        ("GET", "/v2/_catalog", "", 200),
        ("GET", "/v2/_catalog", ALICE_WITH_BOBS_KEY, 401),
        ("POST", "/v2/alice/app/blobs/uploads/", "", 401),
        ("POST", "/v2/alice/app/blobs/uploads/", ALICE, 202),
        ("POST", "/v2/bob/app/blobs/uploads/", ALICE, 403),
        ("POST", "/v2/alice/blobs/uploads/", ALICE, 403),
    ] {
        let answered = ask(&application, method, path, credentials).await;
        assert_eq!(answered.as_u16(), status, "{method} {path} {credentials}");
    }
}
