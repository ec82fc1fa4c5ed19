//! What whoever may not is told: how to show who they are, or that this will not help.

use registry_core::identity::{CredentialKind, Principal};
use registry_http::{BearerError, Challenge, RegistryService};

use super::{fakes::*, support::*};

const UPLOAD: &str = "f47ac10b-58cc-4372-a567-0e02b2c3d479";

/// Every endpoint but the ping, in a repository of which only alice knows, and the scope that it
/// needs.
fn endpoints() -> Vec<(&'static str, String, &'static str)> {
    const PULL: &str = "repository:secret/a:pull";
    const PUSH: &str = "repository:secret/a:pull,push";
    const DELETE: &str = "repository:secret/a:delete";
    const MOUNT: &str = "repository:secret/a:pull,push repository:secret/b:pull";
    let digest = sha256("{}");
    let at = |path: &str| format!("/v2/secret/a/{}", path.replace("{}", &digest));
    let upload = at(&format!("blobs/uploads/{UPLOAD}"));
    vec![
        ("GET", at("blobs/{}"), PULL),
        ("HEAD", at("blobs/{}"), PUSH),
        ("GET", at("manifests/v1"), PULL),
        ("HEAD", at("manifests/{}"), PULL),
        ("GET", at("tags/list"), PULL),
        ("GET", at("tags/list?n=0"), PULL),
        ("GET", at("referrers/{}"), PULL),
        ("POST", at("blobs/uploads/"), PUSH),
        ("POST", at("blobs/uploads/?digest={}"), PUSH),
        ("POST", at("blobs/uploads/?mount={}"), PUSH),
        ("POST", at("blobs/uploads/?mount={}&from=secret/b"), MOUNT),
        ("POST", at("blobs/uploads/?mount={}&from=secret/a"), PUSH),
        ("GET", upload.clone(), PUSH),
        ("PATCH", upload.clone(), PUSH),
        ("PUT", format!("{upload}?digest={digest}"), PUSH),
        ("DELETE", upload, PUSH),
        ("PUT", at("manifests/v1"), PUSH),
        ("PUT", at("manifests/{}?tag=v1"), PUSH),
        ("DELETE", at("manifests/v1"), DELETE),
        ("DELETE", at("manifests/{}"), DELETE),
        ("DELETE", at("blobs/{}"), DELETE),
        ("GET", "/v2/_catalog".to_owned(), "registry:catalog:*"),
    ]
}

fn ask(method: &str, path: &str, credentials: &str) -> Row {
    let row = row("a request", method, path).with("host", "registry.test:5000").body("{}");
    if credentials.is_empty() { row } else { row.with("authorization", credentials) }
}

fn challenge(scope: Option<&str>, error: Option<BearerError>) -> Challenge {
    Challenge::Bearer {
        realm: "http://registry.test:5000/v2/_token".to_owned(),
        service: SERVICE.to_owned(),
        scope: scope.map(ToOwned::to_owned),
        error,
    }
}

/// The challenge of a reply, read as a client does.
fn challenged(reply: &Reply) -> Option<Challenge> {
    let header = reply.headers.get("www-authenticate")?.to_str().expect("ASCII");
    Some(header.parse().expect("a challenge"))
}

#[tokio::test]
async fn each_endpoint_says_what_it_needs_to_whoever_could_come_back_with_it() {
    let mint = mint();
    let service = service(&mint);
    let bearer = |who: &Principal, scope: &str| format!("Bearer {}", mint.make(who, scope));
    let nobody = Principal::anonymous();
    for (method, path, scope) in endpoints() {
        let needs = |error| (401, Some(challenge(Some(scope), error)));
        let (invalid, insufficient) =
            (Some(BearerError::InvalidToken), Some(BearerError::InsufficientScope));
        for (who, credentials, (status, expected)) in [
            ("nobody", String::new(), needs(None)),
            ("skopeo's nobody", "Basic Og==".to_owned(), needs(None)),
            ("a wrong password", WRONG.to_owned(), needs(None)),
            ("no scheme of ours", "Digest a".to_owned(), needs(None)),
            ("a made-up token", "Bearer made.up".to_owned(), needs(invalid)),
            ("a made-up token", "bearer made.up".to_owned(), needs(invalid)),
            ("no token at all", "Bearer".to_owned(), needs(invalid)),
            ("an anonymous token", bearer(&nobody, ""), needs(insufficient)),
            ("an anonymous token for it", bearer(&nobody, scope), needs(insufficient)),
            ("alice's for nothing", bearer(&user("alice"), ""), needs(insufficient)),
            (
                "alice's for another",
                bearer(&user("alice"), "repository:secret:pull,push,delete"),
                needs(insufficient),
            ),
            ("bob, who may not", BOB.to_owned(), (403, None)),
            ("bob's token for it", bearer(&user("bob"), scope), (403, None)),
            ("bob's token for nothing", bearer(&user("bob"), ""), needs(insufficient)),
        ] {
            let reply = ask(method, &path, &credentials).send(&service).await;
            let seen = (reply.status.as_u16(), challenged(&reply));
            assert_eq!(seen, (status, expected), "{who}: {method} {path}");
        }
        for credentials in [ALICE.to_owned(), bearer(&user("alice"), scope)] {
            let reply = ask(method, &path, &credentials).send(&service).await;
            assert!(!matches!(reply.status.as_u16(), 401 | 403), "{method} {path}: {reply:?}");
            assert_eq!(challenged(&reply), None, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_client_gets_in_by_what_the_challenge_says() {
    let mint = mint();
    let service = service(&mint);
    for (method, path, _) in endpoints() {
        let refused = ask(method, &path, "").send(&service).await;
        let Some(Challenge::Bearer { realm, service: audience, scope: Some(scope), .. }) =
            challenged(&refused)
        else {
            panic!("no challenge")
        };
        let token = realm.strip_prefix("http://registry.test:5000").expect("our own origin");
        let query = format!("service={audience}&scope={}", scope.replace(' ', "%20"));
        let reply = ask("GET", &format!("{token}?{query}"), ALICE).send(&service).await.json();
        let bearer = format!("Bearer {}", reply["token"].as_str().expect("a token"));
        let reply = ask(method, &path, &bearer).send(&service).await;
        assert!(!matches!(reply.status.as_u16(), 401 | 403), "{method} {path}: {reply:?}");
    }
}

#[tokio::test]
async fn the_ping_is_answered_to_any_token_and_to_no_one_without() {
    let mint = mint();
    let service = service(&mint);
    let bearer = |who: &Principal| format!("Bearer {}", mint.make(who, ""));
    for method in ["GET", "HEAD"] {
        for (credentials, status, expected) in [
            (String::new(), 401, Some(challenge(None, None))),
            ("Basic Og==".to_owned(), 401, Some(challenge(None, None))),
            (WRONG.to_owned(), 401, Some(challenge(None, None))),
            (
                "Bearer made.up".to_owned(),
                401,
                Some(challenge(None, Some(BearerError::InvalidToken))),
            ),
            (ALICE.to_owned(), 200, None),
            (bearer(&user("bob")), 200, None),
            (bearer(&Principal::anonymous()), 200, None),
        ] {
            let reply = ask(method, "/v2/", &credentials).send(&service).await;
            let seen = (reply.status.as_u16(), challenged(&reply));
            assert_eq!(seen, (status, expected), "{method} {credentials}");
        }
    }
}

#[tokio::test]
async fn what_is_open_is_open_without_a_token_and_closed_to_a_wrong_one() {
    let mint = mint();
    let service = service(&mint);
    let digest = sha256("{}");
    let pull = format!("/v2/public/blobs/{digest}");
    check(&service, vec![push_blob("public", b"{}").with("authorization", ALICE)]).await;
    let anonymous = mint.make(&Principal::anonymous(), "repository:public:pull");
    let scopeless = mint.make(&Principal::anonymous(), "");
    for (credentials, status) in [
        ("", 200),
        (ALICE, 200),
        (&format!("Bearer {anonymous}"), 200),
        (&format!("Bearer {scopeless}"), 401),
        (WRONG, 401),
        ("Bearer made.up", 401),
    ] {
        let reply = ask("GET", &pull, credentials).send(&service).await;
        assert_eq!(reply.status, status, "{credentials}");
    }
}

#[tokio::test]
async fn nobody_learns_what_was_wrong() {
    let mint = mint();
    let service = service(&mint);
    let body = async |credentials: &str| {
        ask("GET", "/v2/public/tags/list", credentials).send(&service).await.body
    };
    let wrong = body(WRONG).await;
    for other in ["Basic bm9ib2R5Ong=", "Basic !", "Bearer made.up", "Bearer", "Digest a"] {
        assert_eq!(body(other).await, wrong, "{other}");
    }
}

#[tokio::test]
async fn what_is_not_for_them_looks_the_same_whether_it_is_there() {
    // D22
    let mint = mint();
    let service = service(&mint);
    check(&service, vec![push_blob("secret/a", b"{}").with("authorization", ALICE)]).await;
    // A token carries the same of both, or it is told by what it carries.
    let both = "repository:secret/a:pull,push repository:nowhere/a:pull,push";
    let bob = format!("Bearer {}", mint.make(&user("bob"), both));
    for credentials in ["", "Bearer made.up", BOB, &bob] {
        for (method, path, _) in endpoints() {
            let elsewhere = path.replace("secret/", "nowhere/");
            let there = ask(method, &path, credentials).send(&service).await;
            let nowhere = ask(method, &elsewhere, credentials).send(&service).await;
            let shown = |reply: &Reply| {
                let header = reply.header("www-authenticate").replace("nowhere/", "secret/");
                (reply.status, header, reply.body.clone())
            };
            assert_eq!(shown(&there), shown(&nowhere), "{credentials}: {method} {path}");
        }
    }
}

#[tokio::test]
async fn a_projects_token_is_good_for_its_own_repositories_and_no_scope_changes_that() {
    // D22. The policy alone would let this project do everything.
    let mint = mint();
    let service = service(&mint);
    for name in ["acme/a", "other/a", "acme-too/a"] {
        check(&service, vec![push_blob(name, b"{}").with("authorization", ALICE)]).await;
    }
    let acme = Principal::project(&"acme".parse().expect("a name"));
    let acme = acme.with_credential(CredentialKind::ProjectKey, Some("k1"));
    let bearer = |scope: &str| format!("Bearer {}", mint.make(&acme, scope));
    let all = |name: &str| format!("repository:{name}:pull,push,delete");
    let blob = |name: &str| format!("/v2/{name}/blobs/{}", sha256("{}"));
    let uploads = |name: &str| format!("/v2/{name}/blobs/uploads/");
    for name in ["other/a", "acme-too/a", "nowhere"] {
        for scope in [&*all(name), &*all("acme/a"), ""] {
            for (method, path) in
                [("GET", blob(name)), ("POST", uploads(name)), ("DELETE", blob(name))]
            {
                let refused = ask(method, &path, &bearer(scope)).fails(403, "DENIED");
                check(&service, vec![refused.lacks("www-authenticate")]).await;
            }
        }
    }
    let scope = Some("repository:acme/a:pull");
    let insufficient = challenge(scope, Some(BearerError::InsufficientScope));
    let reply = ask("GET", &blob("acme/a"), &bearer(&all("other/a"))).send(&service).await;
    assert_eq!((reply.status.as_u16(), challenged(&reply)), (401, Some(insufficient)));
    let own = bearer(&all("acme/a"));
    let pull = ask("GET", &blob("acme/a"), &own);
    check(&service, vec![pull, ask("POST", &uploads("acme/a"), &own).is(202)]).await;
}

#[tokio::test]
async fn a_mount_asks_for_its_source_once() {
    // D12
    let mint = mint();
    let service = service(&mint);
    for name in ["public", "secret", "shared"] {
        check(&service, vec![push_blob(name, b"{}").with("authorization", ALICE)]).await;
    }
    let mount =
        |from: &str| format!("/v2/shared/blobs/uploads/?mount={}&from={from}", sha256("{}"));
    let bearer = async |scopes: &str| {
        let token = ask("GET", &format!("/v2/_token?scope={scopes}"), BOB).send(&service).await;
        format!("Bearer {}", token.json()["token"].as_str().expect("a token"))
    };
    let push = bearer("repository:shared:pull,push").await;
    let with = async |from: &str| {
        bearer(&format!("repository:shared:pull,push&scope=repository:{from}:pull")).await
    };
    for from in ["public", "secret", "nowhere"] {
        let reply = ask("POST", &mount(from), &push).send(&service).await;
        let scope = format!("repository:shared:pull,push repository:{from}:pull");
        let expected = challenge(Some(&scope), Some(BearerError::InsufficientScope));
        assert_eq!((reply.status.as_u16(), challenged(&reply)), (401, Some(expected)), "{from}");
    }
    for (from, status) in [("public", 201), ("secret", 202), ("nowhere", 202)] {
        for credentials in [with(from).await, BOB.to_owned()] {
            let reply = ask("POST", &mount(from), &credentials).send(&service).await;
            assert_eq!(reply.status, status, "{from} {credentials}");
        }
    }
}

#[tokio::test]
async fn where_nobody_can_tell_the_origin_a_password_will_do() {
    let service = service(&mint());
    let basic = Challenge::Basic { realm: SERVICE.to_owned() };
    for host in ["", "a\"b", "a b", "a\\b", "evil/path", "user@host", "a:99999"] {
        let ask = row("a ping", "GET", "/v2/").with("host", host);
        let reply = ask.send(&service).await;
        let seen = (reply.status.as_u16(), challenged(&reply));
        assert_eq!(seen, (401, Some(basic.clone())), "{host}");
    }
    let reply = row("no host", "GET", "/v2/").send(&service).await;
    assert_eq!(challenged(&reply), Some(basic.clone()));
}

#[tokio::test]
async fn without_a_token_service_the_challenge_is_for_a_password() {
    let service: RegistryService = builder().authenticator(&realm(), Users::default()).build();
    for (method, path, _) in endpoints() {
        for (credentials, status) in [("", 401), (WRONG, 401), ("Bearer a", 401), (BOB, 403)] {
            let reply = ask(method, &path, credentials).send(&service).await;
            assert_eq!(reply.status, status, "{credentials} {method} {path}");
            let basic = Challenge::Basic { realm: SERVICE.to_owned() };
            assert_eq!(challenged(&reply), (status == 401).then_some(basic), "{method} {path}");
        }
    }
}
