//! Who asks, what they are told when it is not clear who, and how clients learn to say it.

use std::net::IpAddr;

use async_trait::async_trait;
use registry_adapters::system::{SystemClock, SystemRandom};
use registry_core::{
    access::{Access, Action, Grant, Scope},
    credentials::Credentials,
    identity::Principal,
    policy::AllowAll,
    ports::{
        Authenticated, AuthenticationError, Authenticator, Authorizer, AuthorizerError, Decision,
        Question,
    },
};
use registry_http::RegistryService;

use super::{
    fakes::{ALICE, BOB, Users, WRONG, user},
    support::*,
};

const CHALLENGE: &str = "Basic realm=\"the test's registry\"";

/// Knows bob by a token too, which is good for pulling from `a`.
struct WithTokens(Users);

#[async_trait]
impl Authenticator for WithTokens {
    async fn authenticate(
        &self,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<Authenticated, AuthenticationError> {
        match credentials {
            Credentials::Bearer(token) if token.expose() == "good" => {
                let name = "a".parse().expect("a name");
                let scope = Scope::Limited([Grant::repository(&name, [Action::Pull])].into());
                Ok(Authenticated::new(user("bob")).with_scope(scope))
            }
            _ => self.0.authenticate(credentials, peer).await,
        }
    }
}

/// Everybody may pull, alice and bob may push, and alice alone may delete.
struct Policy;

#[async_trait]
impl Authorizer for Policy {
    async fn authorize(
        &self,
        principal: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        let decide = |question: &Question| match (question.access.action, principal.id()) {
            (Action::Pull | Action::Catalog, _) | (_, "alice") => Decision::allow("may"),
            (Action::Push | Action::Overwrite, "bob") => Decision::allow("may"),
            _ => Decision::deny("may not"),
        };
        Ok(questions.iter().map(decide).collect())
    }
}

fn service(authorizer: impl Authorizer) -> RegistryService {
    let realm = "the test's registry".parse().expect("a realm");
    RegistryService::builder(registry(authorizer).build(), SystemClock::new(), SystemRandom)
        .authenticator(&realm, WithTokens(Users::default()))
        .build()
}

/// A row that must be answered with 401 and how to authenticate.
fn challenged(row: Row) -> Row {
    row.fails(401, "UNAUTHORIZED").has("www-authenticate", CHALLENGE)
}

#[tokio::test]
async fn the_ping_asks_whoever_is_anonymous_and_answers_whoever_is_not() {
    let ping = |does| row(does, "GET", "/v2/");
    check(
        &service(AllowAll),
        vec![
            challenged(ping("nothing")),
            challenged(ping("neither user nor password").with("authorization", "Basic Og==")),
            ping("alice").with("authorization", ALICE).lacks("www-authenticate"),
            ping("in another case").with("authorization", "basic  YWxpY2U6d29uZGVy"),
            ping("a token").with("authorization", "bearer good"),
        ],
    )
    .await;
}

#[tokio::test]
async fn wrong_credentials_are_never_anonymous() {
    let service = service(AllowAll);
    let ask = || row("what everybody may read", "GET", "/v2/_catalog");
    check(&service, vec![ask(), ask().with("authorization", "Basic Og==")]).await;
    let unknown = "Basic bm9ib2R5Ong=";
    let mut told = Vec::new();
    for value in [
        WRONG,
        unknown,
        "Bearer expired",
        "Basic",
        "Basic !",
        "Bearer",
        "Digest a=b",
        "",
        "alice:wonder",
    ] {
        let mut location = String::new();
        let wrong = challenged(ask().with("authorization", value));
        wrong.check(&service, &mut location).await;
        told.push(ask().with("authorization", value).send(&service).await.body);
    }
    assert!(told.iter().all(|body| *body == told[0]), "nobody learns what was wrong");
    let twice = ask().with("authorization", ALICE).with("authorization", ALICE);
    check(&service, vec![challenged(twice)]).await;
}

#[tokio::test]
async fn whoever_may_not_is_asked_who_they_are_unless_they_said_it() {
    let service = service(Policy);
    let push = || row("a push", "POST", "/v2/a/blobs/uploads/");
    let delete = || row("a deletion", "DELETE", format!("/v2/a/blobs/{}", sha256("{}")));
    let content = format!("/v2/a/blobs/uploads/?digest={}", sha256("{}"));
    check(
        &service,
        vec![
            challenged(push()),
            push().with("authorization", BOB).is(202),
            row("a whole blob", "POST", content).with("authorization", BOB).body("{}").is(201),
            row("anonymous pulls", "GET", format!("/v2/a/blobs/{}", sha256("{}"))),
            challenged(delete()),
            delete().with("authorization", BOB).fails(403, "DENIED").lacks("www-authenticate"),
            delete().with("authorization", ALICE).is(202),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_credential_is_good_for_its_scope_only() {
    let service = service(Policy);
    let push = |name| row("a push", "POST", format!("/v2/{name}/blobs/uploads/"));
    let tags = |name| row("tags", "GET", format!("/v2/{name}/tags/list"));
    check(
        &service,
        vec![
            push("a").with("authorization", BOB).is(202),
            push("b").with("authorization", BOB).is(202),
            push("a").with("authorization", "Bearer good").fails(403, "DENIED"),
            tags("a").with("authorization", "Bearer good"),
            tags("b").with("authorization", "Bearer good").fails(403, "DENIED"),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_upload_is_its_users_alone() {
    let service = service(AllowAll);
    let opened = row("", "POST", "/v2/a/blobs/uploads/").with("authorization", ALICE);
    let location = opened.send(&service).await.header("location").to_owned();
    let status = || row("the status", "GET", location.clone());
    check(
        &service,
        vec![
            status().with("authorization", BOB).fails(404, "BLOB_UPLOAD_UNKNOWN"),
            status().fails(404, "BLOB_UPLOAD_UNKNOWN"),
            challenged(status().with("authorization", WRONG)),
            status().with("authorization", ALICE).is(204),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_authenticator_that_cannot_or_will_not_answer_refuses_nobody() {
    let tags = || row("tags", "GET", "/v2/_catalog");
    check(
        &service(AllowAll),
        vec![
            tags()
                .with("authorization", "Basic bWFsbG9yeTp4")
                .fails(429, "TOOMANYREQUESTS")
                .has("retry-after", "9")
                .lacks("www-authenticate"),
            tags()
                .with("authorization", "Basic em9lOng=")
                .fails(503, "UNAVAILABLE")
                .has("retry-after", "1")
                .lacks("www-authenticate"),
        ],
    )
    .await;
}

#[tokio::test]
async fn where_nobody_asks_who_it_is_credentials_say_nothing() {
    let mine = |access: &Access| access.action == Action::Delete;
    check(
        &guarded(Deny(mine)),
        vec![
            row("ping", "GET", "/v2/").lacks("www-authenticate"),
            row("ping", "GET", "/v2/").with("authorization", WRONG),
            row("a deletion", "DELETE", format!("/v2/a/blobs/{}", sha256("{}")))
                .fails(403, "DENIED")
                .lacks("www-authenticate"),
        ],
    )
    .await;
}
