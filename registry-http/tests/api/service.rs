//! What the service is, apart from what it answers.

use http_body_util::{Empty, Full};
use hyper::{Request, body::Body as _};
use registry_adapters::system::{SystemClock, SystemRandom};
use registry_core::policy::AllowAll;
use registry_http::RegistryService;
use serde_json::json;

use super::support::*;

#[tokio::test]
async fn a_ping_says_that_this_is_a_registry() {
    check(
        &open_service(),
        vec![
            row("a ping", "GET", "/v2/").has("content-type", "application/json").says("{}"),
            row("without its slash", "GET", "/v2").says("{}"),
            row("its HEAD", "HEAD", "/v2/").has("content-length", "2").says(""),
        ],
    )
    .await;
}

#[tokio::test]
async fn below_a_base_path_every_link_has_the_prefix() {
    let service =
        RegistryService::builder(registry(AllowAll).build(), SystemClock::new(), SystemRandom)
            .base_path("/oci/eu".parse().unwrap())
            .build();
    let manifest = image(json!({}));
    check(
        &service,
        vec![
            row("a ping", "GET", "/oci/eu/v2/"),
            row("elsewhere", "GET", "/v2/").fails(404, "NAME_UNKNOWN"),
            row("an upload", "POST", "/oci/eu/v2/a/blobs/uploads/").is(202),
            row("goes on", "PATCH", "{location}").body("{}").is(202),
            row("a wrong offset", "PATCH", "{location}")
                .with("content-range", "7-7")
                .body("x")
                .is(416),
            row("and closes", "PUT", format!("{{location}}?digest={}", sha256("{}"))).is(201),
            row("the blob", "GET", "{location}").says("{}"),
            row("a manifest", "PUT", "/oci/eu/v2/a/manifests/v1").body(manifest.clone()).is(201),
            row("another tag", "PUT", "/oci/eu/v2/a/manifests/v2").body(manifest).is(201),
            row("a page", "GET", "/oci/eu/v2/a/tags/list?n=1")
                .has("link", "</oci/eu/v2/a/tags/list?n=1&last=v1>; rel=\"next\""),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_request_id_is_kept_when_it_is_well_formed() {
    let service = open_service();
    let id = async |given: Option<&str>| {
        let row = row("a ping", "GET", "/v2/");
        let row = match given {
            Some(given) => row.with("x-request-id", given),
            None => row,
        };
        row.send(&service).await.header("x-request-id").to_owned()
    };
    assert_eq!(id(Some("proxy-1/42")).await, "proxy-1/42");
    let bad = id(Some("two words")).await;
    assert_ne!(bad, "two words");
    assert_ne!(id(None).await, id(None).await);
}

#[tokio::test]
async fn it_is_a_service_of_tower_too_for_any_body() {
    let mut service = open_service();
    let request = Request::get("/v2/").body(Empty::<bytes::Bytes>::new()).unwrap();
    let reply = tower_service::Service::call(&mut service, request).await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.body().size_hint().exact(), Some(2));
    let request = Request::get("/v2/").body(Full::from("unread")).unwrap();
    let reply = tower_service::Service::call(&mut service, request).await.unwrap();
    assert_eq!(reply.status(), 200);
}

#[tokio::test]
async fn the_future_of_a_request_is_small() {
    // Allocators serve small blocks faster; glibc's border is at a kibibyte.
    let request = Request::get("/v2/").body(Empty::<bytes::Bytes>::new()).unwrap();
    let future = hyper::service::Service::call(&open_service(), request);
    assert!(size_of_val(&*future) <= 1024, "{}", size_of_val(&*future));
}
