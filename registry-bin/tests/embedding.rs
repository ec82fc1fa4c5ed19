//! The code blocks of `docs/EMBEDDING.md`, which are parts of this file word for word.

use std::{fs, net::IpAddr, path::Path, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use http_body_util::{BodyExt, Empty};
use hyper::{Request, StatusCode, service::Service};
use registry_adapters::{
    jwt::{JsonWebTokens, KeyError, KeyRing},
    memory::{MemoryContents, MemoryRecords},
    system::{SystemClock, SystemRandom},
};
use registry_core::{
    access::Action,
    credentials::Credentials,
    digest::Algorithm,
    error::RegistryError,
    identity::{Caller, Principal, PrincipalKind},
    name::RepositoryName,
    policy::AllowAll,
    ports::{
        Authenticated, AuthenticationError, Authenticator, Authorizer, AuthorizerError,
        BlobOptions, Decision, Fetched, Question, Source,
    },
    registry::{Chunk, Registry},
};
use registry_http::{Realm, RegistryService, TokenService};

/// Everybody reads what is below `public/`, and nothing else.
struct PublicOnly;

#[async_trait]
impl Authorizer for PublicOnly {
    async fn authorize(
        &self,
        _: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        let decide = |question: &Question| {
            let name = question.access.resource.repository().map(RepositoryName::as_str);
            match question.access.action {
                Action::Pull if name.is_some_and(|name| name.starts_with("public/")) => {
                    Decision::allow("it is public")
                }
                _ => Decision::deny("it is not public"),
            }
        };
        Ok(questions.iter().map(decide).collect())
    }
}

fn registry(authorizer: impl Authorizer) -> Registry {
    let (contents, records) = (MemoryContents::default(), MemoryRecords::default());
    Registry::builder(contents, records, authorizer, SystemClock::new(), SystemRandom).build()
}

async fn copy(registry: &Registry, bytes: Bytes) -> Result<Option<Bytes>, RegistryError> {
    let caller = Caller::new(Principal::anonymous(), "a request's id, for the log");
    let name: RepositoryName = "some/app".parse().expect("a name");
    let digest = Algorithm::Sha256.digest(&bytes);

    let body = Chunk::new(stream::iter([Ok(bytes)]).boxed());
    registry.push_blob(&caller, &name, &digest, body).await?;

    let blob = registry.blob(&caller, &name, &digest, &BlobOptions::default()).await?;
    let Fetched::Found(content) = blob else { return Ok(None) };
    let parts: Vec<Bytes> = content.into_stream().try_collect().await?;
    Ok(Some(parts.concat().into()))
}

async fn ask(registry: Registry) -> StatusCode {
    let service = RegistryService::builder(registry, SystemClock::new(), SystemRandom)
        .base_path("/packages/oci".parse().expect("a base path"))
        .build();

    let request = Request::get("/packages/oci/v2/").body(Empty::<Bytes>::new()).expect("a request");
    let Ok(reply) = service.call(request).await;
    reply.status()
}

fn with_tokens(registry: Registry, users: impl Authenticator) -> Result<RegistryService, KeyError> {
    let (clock, random) = (SystemClock::new(), SystemRandom);
    let service: Realm = "registry.example.com".parse().expect("a realm");
    let keys = KeyRing::in_memory(clock, random)?;
    let issuer = "https://registry.example.com";
    let tokens = Arc::new(JsonWebTokens::new(issuer, service.as_str(), keys, clock, random));
    let tokens = TokenService::new(service, Arc::clone(&tokens), tokens, users);
    Ok(RegistryService::builder(registry, clock, random).tokens(tokens).build())
}

/// Knows alice.
struct Alice;

#[async_trait]
impl Authenticator for Alice {
    async fn authenticate(
        &self,
        credentials: &Credentials,
        _: Option<IpAddr>,
    ) -> Result<Authenticated, AuthenticationError> {
        match credentials {
            Credentials::Basic { username, .. } if username == "alice" => {
                Ok(Authenticated::new(Principal::new(PrincipalKind::User, "alice")))
            }
            _ => Err(AuthenticationError::refused("it is not alice")),
        }
    }
}

async fn get(service: &RegistryService, path: &str, authorization: &str) -> (StatusCode, Bytes) {
    let request = Request::get(path).header("authorization", authorization);
    let Ok(reply) = service.call(request.body(Empty::<Bytes>::new()).expect("a request")).await;
    let status = reply.status();
    (status, reply.into_body().collect().await.expect("a body").to_bytes())
}

#[tokio::test]
async fn users_of_ones_own_get_tokens() {
    let service = with_tokens(registry(AllowAll), Alice).expect("a key");
    let (status, reply) = get(&service, "/v2/_token", "Basic YWxpY2U6eA==").await;
    assert_eq!(status, StatusCode::OK);
    let reply: serde_json::Value = serde_json::from_slice(&reply).expect("JSON");
    let token = format!("Bearer {}", reply["token"].as_str().expect("a token"));
    assert_eq!(get(&service, "/v2/", &token).await.0, StatusCode::OK);
    let (status, _) = get(&service, "/v2/_token", "Basic Ym9iOng=").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_registry_is_used_without_http() {
    let bytes = Bytes::from_static(b"bytes");
    assert_eq!(copy(&registry(AllowAll), bytes.clone()).await.expect("copies"), Some(bytes));
}

#[tokio::test]
async fn a_policy_of_ones_own_is_asked() {
    let registry = registry(PublicOnly);
    let refused = copy(&registry, Bytes::from_static(b"bytes")).await;
    assert!(matches!(refused, Err(RegistryError::Denied)), "{refused:?}");
    let digest = Algorithm::Sha256.digest(b"bytes");
    let name = "public/app".parse().expect("a name");
    let caller = Caller::anonymous();
    let found = registry.blob(&caller, &name, &digest, &BlobOptions::default()).await;
    assert!(matches!(found, Ok(Fetched::RepositoryUnknown)), "{found:?}");
}

#[tokio::test]
async fn a_service_is_called_without_a_socket_and_below_a_path() {
    assert_eq!(ask(registry(AllowAll)).await, StatusCode::OK);
    let service = RegistryService::new(registry(AllowAll), SystemClock::new(), SystemRandom);
    let request = Request::get("/elsewhere").body(Empty::<Bytes>::new()).expect("a request");
    let Ok(reply) = service.call(request).await;
    assert_eq!(reply.status(), StatusCode::NOT_FOUND);
    assert!(!reply.into_body().collect().await.expect("a body").to_bytes().is_empty());
}

#[test]
fn the_document_says_what_compiles_here() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let text = fs::read_to_string(root.join("docs/EMBEDDING.md")).expect("the document");
    let blocks = text.split("\n```rust\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let blocks: Vec<&str> = blocks.collect();
    assert_eq!(blocks.len(), 4);
    for block in blocks {
        assert!(include_str!("embedding.rs").contains(block), "{block}");
    }
}
