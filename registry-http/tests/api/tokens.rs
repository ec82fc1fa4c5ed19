//! The token service: what it is asked, and what it replies.

use std::{sync::Arc, time::Duration};

use registry_adapters::system::{SystemClock, SystemRandom};
use registry_core::{identity::CredentialKind, ports::TokenError};
use registry_http::{RegistryService, TokenService};
use serde_json::{Value, json};

use super::{fakes::*, support::*};

const FORM: &str = "application/x-www-form-urlencoded";

/// A `GET` with this query.
fn get(query: &str) -> Row {
    row("a token", "GET", format!("/v2/_token?{query}"))
}

/// A `POST` of this form.
fn post(form: impl Into<String>) -> Row {
    row("a token", "POST", "/v2/_token").with("content-type", FORM).body(form.into())
}

/// The reply with a token, and whose it is and what it carries.
async fn token(row: Row, service: &RegistryService, mint: &Mint) -> (Value, String, Vec<String>) {
    let reply = row.send(service).await;
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("cache-control"), "no-store");
    let body = reply.json();
    assert_eq!(body["token"], body["access_token"]);
    let (owner, grants) = mint.read(body["token"].as_str().expect("a token"));
    (body, owner, grants)
}

#[tokio::test]
async fn the_reply_has_everything_under_the_names_that_clients_know() {
    let mint = mint();
    let (body, ..) = token(get("").with("authorization", ALICE), &service(&mint), &mint).await;
    let expected = json!({
        "token": "token.0",
        "access_token": "token.0",
        "expires_in": 300,
        "issued_at": "2023-11-14T22:13:20Z",
    });
    assert_eq!(body, expected);
    let form = "grant_type=password&username=alice&password=wonder&service=registry.test\
                &client_id=c&scope=repository:a:pull";
    let (body, ..) = token(post(form), &service(&mint), &mint).await;
    let expected = json!({
        "token": "token.1",
        "access_token": "token.1",
        "expires_in": 300,
        "issued_at": "2023-11-14T22:13:20Z",
        "scope": "repository:a:pull",
    });
    assert_eq!(body, expected);

    let short = Mint { lifetime: Duration::from_secs(10), ..mint };
    let (body, ..) = token(get(""), &service(&short), &short).await;
    assert_eq!(body["expires_in"], 60, "clients take less for 60");
}

#[tokio::test]
async fn a_token_carries_of_what_was_asked_what_its_owner_may_do() {
    let mint = mint();
    let service = service(&mint);
    for (query, credentials, owner, grants) in [
        ("", "", "", &[][..]),
        ("service=registry.test", "", "", &[]),
        ("service=registry.test&account=alice&client_id=docker", ALICE, "user:alice", &[]),
        ("scope=repository:public:pull,push", "", "", &["repository:public:pull"]),
        ("scope=repository:public:pull", "Basic Og==", "", &["repository:public:pull"]),
        ("scope=repository:secret:pull", "", "", &["repository:secret:"]),
        ("scope=repository:secret:pull", BOB, "user:bob", &["repository:secret:"]),
        (
            "scope=repository:shared:push,pull&scope=repository:secret:pull",
            BOB,
            "user:bob",
            &["repository:shared:pull,push", "repository:secret:"],
        ),
        (
            "scope=repository%3Ashared%3Apull+repository:public:pull%20repository:x:delete",
            BOB,
            "user:bob",
            &["repository:shared:pull", "repository:public:pull", "repository:x:"],
        ),
        ("scope=repository:a:*", ALICE, "user:alice", &["repository:a:pull,push,delete"]),
        ("scope=registry:catalog:*", ALICE, "user:alice", &["registry:catalog:*"]),
        ("scope=registry:catalog:*", BOB, "user:bob", &["registry:catalog:"]),
        // What is not known says nothing; what a project cannot reach no policy gives it.
        (
            "scope=repository:a:fly&scope=x:y:z&scope=&scope=%00",
            ALICE,
            "user:alice",
            &["repository:a:"],
        ),
        (
            "scope=repository:acme/a:pull,push",
            ACME,
            "project:acme",
            &["repository:acme/a:pull,push"],
        ),
        ("scope=repository:other:pull", ACME, "project:acme", &["repository:other:"]),
    ] {
        let mut asked = get(query);
        if !credentials.is_empty() {
            asked = asked.with("authorization", credentials);
        }
        let (body, of, carries) = token(asked, &service, &mint).await;
        assert_eq!(
            (of.as_str(), carries.as_slice()),
            (owner, grants.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice()),
            "{query}"
        );
        assert_eq!((body.get("scope"), body.get("refresh_token")), (None, None), "{query}");
    }
}

#[tokio::test]
async fn a_form_is_as_good_as_a_query_and_is_told_what_was_granted() {
    let mint = mint();
    let service = service(&mint);
    let bob = "grant_type=password&username=bob&password=builder&service=registry.test&client_id=c";
    for (scope, told, grants) in [
        ("", "", &[][..]),
        (
            "&scope=repository:shared:pull,push",
            "repository:shared:pull,push",
            &["repository:shared:pull,push"],
        ),
        (
            "&scope=repository:shared:pull+repository:secret:pull&scope=repository:public:pull,push",
            "repository:shared:pull repository:public:pull",
            &["repository:shared:pull", "repository:secret:", "repository:public:pull"],
        ),
    ] {
        let (body, of, carries) = token(post(format!("{bob}{scope}")), &service, &mint).await;
        assert_eq!((of.as_str(), &body["scope"]), ("user:bob", &json!(told)));
        assert_eq!(carries, grants);
    }
    // The parameters of a type say nothing to us.
    let with_charset = row("a token", "POST", "/v2/_token")
        .with("content-type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8")
        .body(bob);
    token(with_charset, &service, &mint).await;
}

#[tokio::test]
async fn a_refresh_token_is_for_whoever_logs_in_and_asks_for_it() {
    let mint = mint();
    let service = service(&mint);
    let offline = || get("offline_token=true&service=registry.test&client_id=docker");
    let (body, ..) = token(offline().with("authorization", ALICE), &service, &mint).await;
    assert_eq!(body["refresh_token"], "refresh-alice");
    for asked in [
        offline(),
        offline().with("authorization", ACME),
        get("offline_token=false").with("authorization", ALICE),
        get("access_type=offline").with("authorization", ALICE),
        post("grant_type=password&username=bob&password=builder"),
        post("grant_type=password&username=bob&password=builder&access_type=online"),
    ] {
        let (body, ..) = token(asked, &service, &mint).await;
        assert_eq!(body.get("refresh_token"), None);
    }
    let form = "grant_type=password&username=bob&password=builder&access_type=offline";
    let (body, ..) = token(post(form), &service, &mint).await;
    assert_eq!(body["refresh_token"], "refresh-bob");

    // It is good more than once, for whatever its owner may do by then.
    for scope in ["repository:shared:push", "repository:public:pull"] {
        let form = format!("grant_type=refresh_token&refresh_token=refresh-bob&scope={scope}");
        let (body, of, carries) = token(post(form), &service, &mint).await;
        assert_eq!((of.as_str(), &carries[..]), ("user:bob", &[scope.to_owned()][..]));
        assert_eq!(
            (&body["refresh_token"], &body["scope"]),
            (&json!("refresh-bob"), &json!(scope))
        );
    }

    let without = TokenService::new(realm(), mint.clone(), mint.clone(), Users::default());
    let without = builder().tokens(without).build();
    let (body, ..) = token(offline().with("authorization", ALICE), &without, &mint).await;
    assert_eq!(body.get("refresh_token"), None);
    let form = "grant_type=refresh_token&refresh_token=refresh-bob";
    check(&without, vec![post(form).fails(401, "UNAUTHORIZED")]).await;
}

#[tokio::test]
async fn whoever_is_not_who_they_say_gets_no_token() {
    let mint = mint();
    let service = service(&mint);
    let mut told = Vec::new();
    let password = |username: &str, password: &str| {
        post(format!("grant_type=password&username={username}&password={password}"))
    };
    let alices = mint.make(&user("alice"), "repository:a:pull");
    let rows: [fn(&str) -> Row; 8] = [
        |_| get("").with("authorization", WRONG),
        |_| get("").with("authorization", "Basic bm9ib2R5Ong="),
        |_| get("").with("authorization", "Basic !"),
        |_| get("").with("authorization", "Digest a"),
        |_| get("").with("authorization", ALICE).with("authorization", ALICE),
        // A token is for the registry, and not for another token.
        |token| get("").with("authorization", &format!("Bearer {token}")),
        |_| post("grant_type=refresh_token&refresh_token=made-up"),
        |token| post(format!("grant_type=refresh_token&refresh_token={token}")),
    ];
    let rows = || {
        let of_forms = [password("alice", "wrong"), password("nobody", "x")];
        rows.iter().map(|row| row(&alices)).chain(of_forms).collect::<Vec<_>>()
    };
    for asked in rows() {
        let asked = asked
            .fails(401, "UNAUTHORIZED")
            .has("www-authenticate", "Basic realm=\"registry.test\"");
        check(&service, vec![asked]).await;
    }
    for asked in rows() {
        told.push(asked.send(&service).await.body);
    }
    assert!(told.iter().all(|body| *body == told[0]), "nobody learns what was wrong");
}

#[tokio::test]
async fn what_makes_no_sense_is_malformed() {
    let scopes = |n: usize| "scope=repository:a:pull+repository:b:pull&".repeat(n);
    let of = |form: &str| post(format!("grant_type=password&username=bob&password=builder{form}"));
    let big = format!("&x={}", "x".repeat(64 * 1024));
    let malformed = vec![
        get("service=other.test"),
        get("service=other.test").with("authorization", ALICE),
        get("service=registry.test&service=other.test"),
        get("offline_token=true&offline_token=false"),
        get(&(scopes(16) + "scope=repository:c:pull")),
        post(""),
        post("service=registry.test"),
        post("grant_type=client_credentials"),
        post("grant_type=PASSWORD&username=bob&password=builder"),
        post("grant_type=password&grant_type=refresh_token&username=bob&password=builder"),
        post("grant_type=password&username=bob"),
        post("grant_type=password&password=builder"),
        post("grant_type=password&username=&password=builder"),
        post("grant_type=password&username=bob&password="),
        post("grant_type=refresh_token"),
        of("&service=other.test"),
        of("&username=alice"),
        of(&big),
        row("no type", "POST", "/v2/_token").body("grant_type=password"),
        row("another", "POST", "/v2/_token").with("content-type", "application/json").body("{}"),
    ];
    let service = service(&mint());
    check(&service, malformed.into_iter().map(|row| row.fails(400, "UNSUPPORTED")).collect()).await;
    check(
        &service,
        vec![
            get(&scopes(16)),
            of("&x=&x=&scope=&client_id="),
            get("grant_type=whatever&unknown=a&unknown=b"),
        ],
    )
    .await;
}

#[tokio::test]
async fn other_methods_and_paths_are_none_of_the_token_services() {
    let keys = || r#"{"keys":[]}"#.to_owned();
    let with = builder().tokens(token_service(&mint()).keys(keys)).build();
    let not_allowed = |method, path, allow: &str| {
        row("a method", method, path).fails(405, "UNSUPPORTED").has("allow", allow)
    };
    check(
        &with,
        vec![
            not_allowed("HEAD", "/v2/_token", "GET, POST"),
            not_allowed("PUT", "/v2/_token", "GET, POST"),
            not_allowed("DELETE", "/v2/_jwks", "GET, HEAD"),
            row("keys", "GET", "/v2/_jwks")
                .says(r#"{"keys":[]}"#)
                .has("content-type", "application/jwk-set+json")
                .lacks("www-authenticate"),
            row("keys", "HEAD", "/v2/_jwks").has("content-length", "11"),
            row("below", "GET", "/v2/_token/").fails(404, "NAME_UNKNOWN"),
            row("elsewhere", "GET", "/_token").fails(404, "NAME_UNKNOWN"),
        ],
    )
    .await;
    let without_keys = service(&mint());
    check(&without_keys, vec![row("keys", "GET", "/v2/_jwks").fails(404, "NAME_UNKNOWN")]).await;
    // Clients take 404 for "not offered", and go on without.
    let basic = builder().authenticator(&realm(), Users::default()).build();
    for service in [basic, open_service()] {
        for method in ["GET", "POST"] {
            let row = row("no tokens", method, "/v2/_token").with("content-type", FORM);
            check(&service, vec![row.fails(404, "NAME_UNKNOWN")]).await;
        }
    }
    let below = builder().base_path("/oci".parse().unwrap()).tokens(token_service(&mint())).build();
    check(
        &below,
        vec![
            row("below the base path", "GET", "/oci/v2/_token"),
            row("at the root", "GET", "/v2/_token").fails(404, "NAME_UNKNOWN"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_mint_or_a_directory_that_cannot_answer_refuses_nobody() {
    let failing = Mint { fails: Some(|| TokenError::Unavailable("no key".into())), ..mint() };
    let unavailable = |row: Row| row.fails(503, "UNAVAILABLE").has("retry-after", "1");
    check(&service(&failing), vec![unavailable(get("")).lacks("www-authenticate")]).await;
    let form = "grant_type=password&username=zoe&password=x";
    check(
        &service(&mint()),
        vec![
            unavailable(get("").with("authorization", "Basic em9lOng=")),
            unavailable(post(form)),
            get("")
                .with("authorization", "Basic bWFsbG9yeTp4")
                .fails(429, "TOOMANYREQUESTS")
                .has("retry-after", "9"),
        ],
    )
    .await;
}

#[tokio::test]
async fn who_asks_for_more_than_fits_into_a_token_is_told_to_ask_for_less() {
    let full = Mint { fails: Some(|| TokenError::TooLong), ..mint() };
    let form = "grant_type=password&username=bob&password=builder&scope=repository:shared:pull";
    for asked in [get("scope=repository:public:pull"), post(form)] {
        let asked = asked.fails(400, "UNSUPPORTED").lacks("retry-after").lacks("www-authenticate");
        check(&service(&full), vec![asked]).await;
    }
    let told = get("scope=repository:public:pull").send(&service(&full)).await.json();
    let told = told["errors"][0]["message"].as_str().expect("a message").to_owned();
    assert!(told.contains("ask for fewer"), "{told}");
}

#[tokio::test]
async fn a_setting_keeps_keys_from_pulling_alone() {
    let mint = mint();
    let tokens = token_service(&mint).not_to_pull_alone([CredentialKind::ProjectKey]);
    let service = builder().tokens(tokens).build();
    let ask = |scope: &str, who: &str| get(scope).with("authorization", who);
    let refused = |row: Row| row.fails(403, "DENIED").lacks("www-authenticate");
    check(
        &service,
        vec![
            refused(ask("scope=repository:acme/a:pull", ACME)),
            refused(ask("scope=repository:acme/a:pull&scope=repository:acme/b:pull", ACME)),
            refused(ask("scope=repository:acme/a:fly&scope=repository:acme/a:pull", ACME)),
            // Nor with what is no push, or is none that it may.
            refused(ask("scope=repository:acme/a:pull,delete", ACME)),
            refused(ask("scope=repository:acme/a:pull&scope=registry:catalog:*", ACME)),
            refused(ask("scope=repository:acme/a:pull&scope=repository:other:push", ACME)),
            refused(ask("scope=repository:acme/a:pull&scope=repository:acme/public:pull", ACME)),
            ask("scope=repository:acme/a:pull", ALICE),
            get("scope=repository:public:pull"),
        ],
    )
    .await;
    for (scope, carries) in [
        ("", &[][..]),
        ("scope=repository:acme/a:fly", &["repository:acme/a:"]),
        ("scope=repository:acme/a:push", &["repository:acme/a:push"]),
        // What it may not pull is no pull.
        ("scope=repository:other:pull", &["repository:other:"]),
        ("scope=repository:acme/a:pull,push", &["repository:acme/a:pull,push"]),
        // What everybody may pull.
        ("scope=repository:acme/public:pull,delete", &["repository:acme/public:pull,delete"]),
        // As a mount asks for it.
        (
            "scope=repository:acme/a:push&scope=repository:acme/b:pull",
            &["repository:acme/a:push", "repository:acme/b:pull"],
        ),
    ] {
        assert_eq!(token(ask(scope, ACME), &service, &mint).await.2, carries, "{scope}");
    }
    let advice = ask("scope=repository:acme/a:pull", ACME).send(&service).await.json();
    let advice = advice["errors"][0]["message"].as_str().expect("a message").to_owned();
    assert!(advice.contains("pull") && advice.contains("other credentials"), "{advice}");
}

#[tokio::test]
async fn a_service_that_can_only_be_read_makes_tokens_to_read() {
    let mint = mint();
    let source = Arc::new(registry(Policy).build());
    let service = RegistryService::reader(source, SystemClock::new(), SystemRandom)
        .tokens(token_service(&mint))
        .build();
    let asked = get("scope=repository:secret:pull,push&scope=registry:catalog:*");
    let (body, _, carries) = token(asked, &service, &mint).await;
    assert_eq!(carries, ["repository:secret:pull", "registry:catalog:*"]);
    // What it carries is not what may be done with it.
    let bearer = format!("Bearer {}", body["token"].as_str().expect("a token"));
    let tags = row("tags", "GET", "/v2/secret/tags/list").with("authorization", &bearer);
    check(&service, vec![tags.fails(401, "UNAUTHORIZED")]).await;
}
