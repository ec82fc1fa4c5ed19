//! How often clients may ask, and what they are told who ask more often.

use std::{
    net::IpAddr,
    pin::pin,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use async_trait::async_trait;
use futures::{future::join_all, poll};
use registry_core::{
    credentials::Credentials,
    ports::{Authenticated, AuthenticationError, Authenticator, Limit},
    testing::ManualClock,
};
use registry_http::{RegistryService, TokenService};
use tokio::sync::Semaphore;

use super::{fakes::*, support::*};

const HERE: &str = "192.0.2.1";
const THERE: &str = "192.0.2.2";

/// A service with these limits, each for ten seconds.
fn limited(most: &[(Limit, u64)]) -> (RegistryService, Arc<Windows>, Mint) {
    let (clock, mint) = (Arc::new(ManualClock::default()), mint());
    let windows = Windows::new(most.iter().copied(), &clock);
    let service = builder().tokens(token_service(&mint)).limiter(Arc::clone(&windows)).build();
    (service, windows, mint)
}

fn tags(name: &str) -> Row {
    row("tags", "GET", format!("/v2/{name}/tags/list")).is(404)
}

fn get(query: &str) -> Row {
    row("a token", "GET", format!("/v2/_token?{query}"))
}

fn throttled(row: Row, seconds: u64) -> Row {
    row.fails(429, "TOOMANYREQUESTS")
        .has("retry-after", seconds.to_string())
        .lacks("www-authenticate")
}

#[tokio::test]
async fn an_address_has_so_many_requests_whatever_they_are() {
    let (service, windows, _) = limited(&[(Limit::Requests, 5)]);
    let ping = || row("a ping", "GET", "/v2/").from(HERE);
    check(
        &service,
        vec![
            ping().is(401),
            tags("public").from(HERE),
            tags("public").from(HERE).with("authorization", WRONG).is(401),
            row("no route", "GET", "/elsewhere").from(HERE).is(404),
            row("malformed", "GET", "/v2/A/tags/list").from(HERE).is(400),
            throttled(ping(), 10),
            throttled(ping().with("authorization", ALICE), 10),
            throttled(row("no route", "GET", "/elsewhere").from(HERE), 10),
            throttled(row("its HEAD", "HEAD", "/v2/").from(HERE), 10),
            ping().from(THERE).is(401),
        ],
    )
    .await;
    // Whoever keeps knocking is let in no later.
    windows.clock.advance(Duration::from_millis(9001));
    check(&service, vec![throttled(ping(), 1), throttled(ping(), 1)]).await;
    windows.clock.advance(Duration::from_millis(999));
    check(&service, vec![ping().is(401)]).await;
}

#[tokio::test]
async fn a_principal_has_so_many_wherever_they_are_and_nobody_has_none() {
    let (service, windows, mint) = limited(&[(Limit::Requests, 2)]);
    let alice = format!("Bearer {}", mint.make(&user("alice"), "repository:public:pull"));
    let at = |name, address: &str| tags(name).from(address).with("authorization", &alice);
    check(
        &service,
        vec![
            at("public", "192.0.2.3").is(404),
            at("public", "192.0.2.4").is(404),
            throttled(at("public", "192.0.2.5"), 10),
            tags("other").from("192.0.2.6").with("authorization", BOB).is(403),
        ],
    )
    .await;
    assert_eq!(windows.taken(Limit::Requests, "user:alice"), 2);
    assert_eq!(windows.taken(Limit::Requests, "namespace public"), 2);
}

#[tokio::test]
async fn a_namespace_has_so_many_and_whoever_may_not_uses_none_of_them() {
    let (service, windows, _) = limited(&[(Limit::Requests, 2)]);
    let ask = |name: &str, who: &str, n: u8| {
        let row = tags(name).from(&format!("198.51.100.{n}"));
        if who.is_empty() { row } else { row.with("authorization", who) }
    };
    let mut rows: Vec<Row> = (0..5).map(|n| ask("public/a", "", n).is(401)).collect();
    rows.extend((5..7).map(|n| ask("public/a", BOB, n).is(403)));
    rows.extend([
        ask("public", "", 7),
        ask("public", "", 8),
        throttled(ask("public/a", ALICE, 9), 10),
        ask("other", ALICE, 10),
    ]);
    check(&service, rows).await;
    assert_eq!(windows.taken(Limit::Requests, "namespace public"), 2);
}

#[tokio::test]
async fn tokens_have_limits_of_their_own() {
    let (service, windows, _) = limited(&[(Limit::TokenRequests, 3)]);
    let wrong = || get("").from(HERE).with("authorization", WRONG).is(401);
    check(
        &service,
        vec![
            wrong(),
            get("service=other").from(HERE).is(400),
            get("").from(HERE),
            throttled(get("").from(HERE), 10),
            throttled(get("").from(HERE).with("authorization", ALICE), 10),
            throttled(row("a form", "POST", "/v2/_token").from(HERE), 10),
            row("a pull", "GET", "/v2/public/tags/list").from(HERE).is(404),
            get("").from("192.0.2.3").with("authorization", ALICE),
            get("").from("192.0.2.4").with("authorization", ALICE),
            get("").from("192.0.2.5").with("authorization", ALICE),
            throttled(get("").from("192.0.2.6").with("authorization", ALICE), 10),
            get("").from("192.0.2.6").with("authorization", BOB),
        ],
    )
    .await;
    windows.clock.advance(Duration::from_secs(10));
    check(&service, vec![get("").from(HERE).with("authorization", ALICE)]).await;
}

#[tokio::test]
async fn after_too_many_failures_nobody_looks_at_a_password() {
    let clock = Arc::new(ManualClock::default());
    let windows = Windows::new([(Limit::Failures, 4)], &clock);
    let (users, mint) = (Users::default(), mint());
    let tokens = TokenService::new(realm(), mint.clone(), mint.clone(), users.clone())
        .refresh_tokens(mint.clone());
    let service = builder().tokens(tokens).limiter(Arc::clone(&windows)).build();

    let form = |form: &'static str| {
        row("a form", "POST", "/v2/_token")
            .with("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .from(HERE)
    };
    let right = || get("").from(HERE).with("authorization", ALICE);
    let alice = format!("Bearer {}", mint.make(&user("alice"), "repository:public:pull"));
    check(
        &service,
        vec![
            // What is right costs nothing, nor what cannot be told.
            right(),
            right(),
            right(),
            right(),
            right(),
            get("").from(HERE).with("authorization", "Basic em9lOng=").is(503),
            // Nor do tokens that have expired, as every token does.
            tags("public").from(HERE).with("authorization", "Bearer made.up").is(401),
            get("").from(HERE).with("authorization", WRONG).is(401),
            tags("public").from(HERE).with("authorization", WRONG).is(401),
            tags("public").from(HERE).with("authorization", WRONG).is(401),
            form("grant_type=password&username=alice&password=x").is(401),
        ],
    )
    .await;
    let asked = users.0.load(SeqCst);
    check(
        &service,
        vec![
            throttled(right(), 10),
            throttled(get("").from(HERE).with("authorization", WRONG), 10),
            throttled(tags("public").from(HERE).with("authorization", ALICE), 10),
            throttled(form("grant_type=password&username=alice&password=wonder"), 10),
        ],
    )
    .await;
    assert_eq!(users.0.load(SeqCst), asked, "the users are not asked again");
    check(
        &service,
        vec![
            // Pulls go on, and so do others.
            tags("public").from(HERE),
            get("").from(HERE),
            tags("public").from(HERE).with("authorization", &alice),
            // Refresh tokens are no guesses.
            form("grant_type=refresh_token&refresh_token=x").is(401),
            get("").from(THERE).with("authorization", ALICE),
        ],
    )
    .await;
    clock.advance(Duration::from_secs(10));
    check(&service, vec![right()]).await;
}

/// Users who see to guesses themselves.
struct Guarded(Users);

#[async_trait]
impl Authenticator for Guarded {
    async fn authenticate(
        &self,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<Authenticated, AuthenticationError> {
        self.0.authenticate(credentials, peer).await
    }

    fn is_guarded(&self, _: &Credentials) -> bool {
        true
    }
}

#[tokio::test]
async fn what_cannot_be_guessed_is_let_in_after_whatever_was_refused() {
    let clock = Arc::new(ManualClock::default());
    let windows = Windows::new([(Limit::Failures, 2), (Limit::Refusals, 2)], &clock);
    let mint = mint();
    let (first, second) = (user("alice"), user("bob"));
    mint.refreshing.lock().expect("no panic").insert("good".to_owned(), first);
    mint.refreshing.lock().expect("no panic").insert("better".to_owned(), second);
    let tokens = |users: Arc<dyn Authenticator>| {
        let tokens = TokenService::new(realm(), mint.clone(), mint.clone(), users);
        tokens.refresh_tokens(mint.clone())
    };
    let form = |token: &str| {
        row("a form", "POST", "/v2/_token")
            .with("content-type", "application/x-www-form-urlencoded")
            .body(format!("grant_type=refresh_token&refresh_token={token}"))
            .from(HERE)
    };
    let guess = || get("").from(HERE).with("authorization", WRONG);
    let right = || get("").from(HERE).with("authorization", ALICE);
    let unguarded = tokens(Arc::new(Users::default()));
    let service = builder().tokens(unguarded).limiter(Arc::clone(&windows)).build();
    check(
        &service,
        vec![
            guess().is(401),
            guess().is(401),
            throttled(guess(), 10),
            form("made-up").is(401),
            form("made-up").is(401),
            throttled(form("made-up"), 10),
            form("good"),
        ],
    )
    .await;
    clock.advance(Duration::from_secs(10));
    check(&service, vec![form("made-up").is(401), form("made-up").is(401), right()]).await;
    let guarded = tokens(Arc::new(Guarded(Users::default())));
    let service = builder().tokens(guarded).limiter(windows).build();
    check(
        &service,
        vec![throttled(guess(), 10), right(), throttled(form("x"), 10), form("better")],
    )
    .await;
}

/// Users whose passwords take a while to check, as hashes do.
struct SlowUsers {
    users: Users,
    waiting: Semaphore,
}

#[async_trait]
impl Authenticator for SlowUsers {
    async fn authenticate(
        &self,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<Authenticated, AuthenticationError> {
        let _turn = self.waiting.acquire().await.expect("never closed");
        self.users.authenticate(credentials, peer).await
    }
}

/// A service with this many failures, and its users, none of whom is checked before the test says so.
fn slow(failures: u64) -> (RegistryService, Arc<SlowUsers>, Arc<Windows>) {
    let windows = Windows::new([(Limit::Failures, failures)], &Arc::new(ManualClock::default()));
    let users = Arc::new(SlowUsers { users: Users::default(), waiting: Semaphore::new(0) });
    let tokens = TokenService::new(realm(), mint(), mint(), Arc::clone(&users));
    let service = builder().tokens(tokens).limiter(Arc::clone(&windows)).build();
    (service, users, windows)
}

#[tokio::test]
async fn a_hundred_who_log_in_at_once_from_one_address_are_all_let_in() {
    let (service, users, windows) = slow(30);
    let right = |n| if n % 2 == 0 { get("") } else { row("a ping", "GET", "/v2/") };
    let all = (0..100).map(|n| right(n).from(HERE).with("authorization", ALICE).send(&service));
    let mut all = pin!(join_all(all));
    assert!(poll!(&mut all).is_pending(), "they all wait for their turn");
    assert_eq!(windows.taken(Limit::Failures, "address 192.0.2.1"), 0);
    users.waiting.add_permits(1);
    let replies = all.await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 100);
    assert_eq!(windows.taken(Limit::Failures, "address 192.0.2.1"), 0);
}

#[tokio::test]
async fn of_those_who_guess_at_once_no_more_are_told_than_there_are_failures() {
    let (service, users, windows) = slow(30);
    let wrong = || get("").from(HERE).with("authorization", WRONG);
    let mut all = pin!(join_all((0..31).map(|_| wrong().send(&service))));
    assert!(poll!(&mut all).is_pending());
    users.waiting.add_permits(1);
    let replies = all.await;
    let count = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((count(401), count(429)), (30, 1));
    assert_eq!(windows.taken(Limit::Failures, "address 192.0.2.1"), 30);
    let asked = users.users.0.load(SeqCst);
    check(&service, vec![throttled(wrong(), 10)]).await;
    assert_eq!(users.users.0.load(SeqCst), asked, "after that nobody looks at a password");
}

#[tokio::test]
async fn whoever_hangs_up_uses_nothing_up() {
    let (service, users, windows) = slow(1);
    let ask = |who| get("").from(HERE).with("authorization", who);
    for _ in 0..5 {
        let mut attempt = Box::pin(ask(WRONG).send(&service));
        assert!(poll!(&mut attempt).is_pending());
        drop(attempt);
    }
    assert_eq!(windows.taken(Limit::Failures, "address 192.0.2.1"), 0);
    users.waiting.add_permits(1);
    check(&service, vec![ask(ALICE), ask(WRONG).is(401), throttled(ask(ALICE), 10)]).await;
}

#[tokio::test]
async fn where_tokens_are_somebody_elses_they_can_be_guessed_too() {
    let clock = Arc::new(ManualClock::default());
    let windows = Windows::new([(Limit::Failures, 1)], &clock);
    let service =
        builder().authenticator(&realm(), Users::default()).limiter(Arc::clone(&windows)).build();
    let guess = || tags("public").from(HERE).with("authorization", "Bearer guess");
    check(&service, vec![guess().is(401), throttled(guess(), 10), tags("public").from(HERE)]).await;
}

#[tokio::test]
async fn clients_without_an_address_share_one_and_networks_of_one_client_too() {
    let (service, windows, _) = limited(&[(Limit::Requests, 2)]);
    let from = |address| tags("public").from(address);
    check(&service, vec![tags("public"), tags("public"), throttled(tags("public"), 10)]).await;
    let (service, same, _) = limited(&[(Limit::Requests, 2)]);
    let throttled = throttled(from("2001:db8::3"), 10);
    check(&service, vec![from("2001:db8::1"), from("2001:db8::2:1"), throttled]).await;
    assert_eq!(windows.subjects(), ["requests address 0.0.0.0", "requests namespace public"]);
    assert_eq!(same.subjects(), ["requests address 2001:db8::", "requests namespace public"]);
}

#[tokio::test]
async fn a_limiter_that_cannot_tell_refuses_nobody() {
    let service = builder().tokens(token_service(&mint())).limiter(Broken).build();
    let unavailable = |row: Row| row.fails(503, "UNAVAILABLE").has("retry-after", "1");
    check(
        &service,
        vec![
            unavailable(tags("public")),
            unavailable(row("a ping", "GET", "/v2/")),
            unavailable(get("")),
            unavailable(row("no route", "GET", "/elsewhere")),
        ],
    )
    .await;
}
