//! What the audit log is told of logins.

use registry_core::{
    identity::CredentialKind,
    ports::{AuditAction, AuditOutcome},
};
use registry_http::RegistryService;

use super::{fakes::*, support::*};

fn audited(events: &Events, mint: &Mint) -> RegistryService {
    let tokens = token_service(mint).not_to_pull_alone([CredentialKind::ProjectKey]);
    builder().tokens(tokens).audit_log(events.clone()).build()
}

fn get(query: &str, id: &str) -> Row {
    let row = row("a token", "GET", format!("/v2/_token?{query}"));
    row.with("x-request-id", id).from("192.0.2.7")
}

#[tokio::test]
async fn logins_are_recorded_with_who_and_why_and_without_secrets() {
    let (events, mint) = (Events::default(), mint());
    let service = audited(&events, &mint);
    let alices = format!("Bearer {}", mint.make(&user("alice"), ""));
    let ping = |id: &str| row("", "GET", "/v2/").with("x-request-id", id).from("192.0.2.8");
    let form = |id: &str, form: &'static str| {
        row("", "POST", "/v2/_token")
            .with("content-type", "application/x-www-form-urlencoded")
            .with("x-request-id", id)
            .from("192.0.2.8")
            .body(form)
    };
    let tags = |id: &str| row("", "GET", "/v2/public/tags/list").with("x-request-id", id);
    for asked in [
        get("scope=repository:a:pull,push", "in").with("authorization", ALICE),
        get("", "wrong").with("authorization", WRONG),
        get("", "revoked").with("authorization", REVOKED),
        get("scope=repository:acme:pull", "alone").with("authorization", ACME),
        tags("api").from("192.0.2.8").with("authorization", WRONG),
        ping("ping").with("authorization", ALICE),
        form("refresh", "grant_type=refresh_token&refresh_token=made-up"),
        // None of these is a login, or one that was refused.
        tags("expired").from("192.0.2.8").with("authorization", "Bearer expired"),
        tags("malformed").from("192.0.2.8").with("authorization", "Digest a"),
        get("", "malformed").with("authorization", "Basic !"),
        ping("nobody"),
        ping("token").with("authorization", &alices),
        get("scope=repository:public:pull", "anonymous"),
        get("service=other", "malformed").with("authorization", ALICE),
        tags("password").from("192.0.2.8").with("authorization", ALICE),
        get("", "unavailable").with("authorization", "Basic em9lOng="),
    ] {
        asked.send(&service).await;
    }
    let events = events.0.lock().expect("no panic").clone();
    let seen: Vec<_> = events
        .iter()
        .map(|event| {
            assert_eq!(event.action, AuditAction::Login);
            let peer = event.peer.expect("an address").to_string();
            let reason = event.reason.clone().unwrap_or_default();
            let reason = reason.split(':').next().unwrap_or_default().to_owned();
            (
                &*event.request_id,
                peer,
                event.principal.owner(),
                &*event.resource,
                event.outcome,
                reason,
            )
        })
        .collect();
    let row = |id: &'static str, peer: &str, who: &str, what: &'static str, outcome, why: &str| {
        (id, peer.to_owned(), who.to_owned(), what, outcome, why.to_owned())
    };
    let unknown = "the refresh token is not known";
    let (wrong, revoked) = ("the password is wrong", "the key is revoked");
    let advice = "this kind of key is for pushing, and gets no token that can only pull";
    assert_eq!(
        seen,
        [
            row("in", "192.0.2.7", "user:alice", "repository:a:pull,push", AuditOutcome::Done, ""),
            row("wrong", "192.0.2.7", "user:alice", "", AuditOutcome::Refused, wrong),
            row("revoked", "192.0.2.7", "project:acme", "", AuditOutcome::Refused, revoked),
            row("alone", "192.0.2.7", "project:acme", "", AuditOutcome::Refused, advice),
            row("api", "192.0.2.8", "user:alice", "", AuditOutcome::Refused, wrong),
            row("ping", "192.0.2.8", "user:alice", "", AuditOutcome::Done, ""),
            row("refresh", "192.0.2.8", "", "", AuditOutcome::Refused, unknown),
        ]
    );
    let keys: Vec<_> = events.iter().filter_map(|event| event.principal.key_id()).collect();
    assert_eq!(keys, ["k0", "k1"]);
    let shown = format!("{events:?}");
    for secret in ["wonder", "key\"", "token.0", "YWxpY2U6"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

#[tokio::test]
async fn where_a_bearer_can_be_guessed_it_is_a_login() {
    let events = Events::default();
    let service =
        builder().authenticator(&realm(), Users::default()).audit_log(events.clone()).build();
    let ping = |who| row("", "GET", "/v2/").with("authorization", who);
    check(&service, vec![ping("Bearer guess").is(401), ping(ALICE), ping(WRONG).is(401)]).await;
    let events = events.0.lock().expect("no panic").clone();
    let seen: Vec<_> = events.iter().map(|event| event.outcome).collect();
    assert_eq!(seen, [AuditOutcome::Refused, AuditOutcome::Done, AuditOutcome::Refused]);
}

#[tokio::test]
async fn an_audit_log_that_fails_changes_nothing() {
    let (events, mint) = (Events(Default::default(), true), mint());
    let service = audited(&events, &mint);
    check(
        &service,
        vec![
            get("", "in").with("authorization", ALICE),
            get("", "wrong").with("authorization", WRONG).fails(401, "UNAUTHORIZED"),
        ],
    )
    .await;
    assert_eq!(events.0.lock().expect("no panic").len(), 2);
}
