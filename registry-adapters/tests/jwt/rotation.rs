//! Keys that come and go.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use registry_adapters::jwt::{JsonWebTokens, KeyDuty, KeyError, KeyRing};
use registry_core::{
    ports::{Clock, TokenIssuer},
    testing::{ManualClock, Seeded},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{World, alice, by_us, parts, reason, seconds, signed, token, tokens, verify};

/// Why a token is refused whose key is not there.
const NOT_OURS: &str = "the token's key is not one of ours";

/// One of the servers that share a directory.
struct Server {
    keys: KeyRing,
    tokens: JsonWebTokens,
}

impl Server {
    fn open(path: &Path, clock: &Arc<ManualClock>, seed: u64) -> Self {
        let keys = KeyRing::open(path, Arc::clone(clock), Seeded::new(seed)).expect("keys");
        let tokens = tokens(&keys, clock);
        Self { keys, tokens }
    }

    async fn accepts(&self, token: &str) -> bool {
        verify(&self.tokens, token).await.is_ok()
    }
}

/// A directory that is not there yet.
struct Directory(TempDir);

impl Directory {
    fn path(&self) -> PathBuf {
        self.0.path().join("keys")
    }

    /// The file of a key.
    fn file(&self, id: &str) -> PathBuf {
        let found = self.files().into_iter().find(|path| path.to_string_lossy().contains(id));
        found.expect("its file")
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path()).expect("a directory");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| path.extension().is_some_and(|it| it == "pem")).collect()
    }
}

fn start() -> (Directory, Arc<ManualClock>) {
    let directory = Directory(TempDir::new().expect("a directory"));
    (directory, Arc::new(ManualClock::default()))
}

async fn ids(keys: &KeyRing) -> Vec<String> {
    let set: Value = serde_json::from_str(&keys.jwks().await).expect("JSON");
    let keys = set["keys"].as_array().expect("a list");
    keys.iter().map(|key| key["kid"].as_str().expect("an id").to_owned()).collect()
}

fn kid(token: &str) -> String {
    parts(token).0["kid"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_new_key_is_seen_before_it_signs_and_the_old_one_verifies_after_that() {
    let clock = Arc::new(ManualClock::default());
    let keys = KeyRing::in_memory(Arc::clone(&clock), Seeded::default()).expect("keys");
    let tokens = tokens(&keys, &clock);
    let old = kid(&token(&tokens).await);
    clock.advance(seconds(86_400));
    let new = keys.rotate().await.expect("a key");
    assert_eq!(ids(&keys).await, [&*old, &*new], "it is published at once");
    clock.advance(seconds(299));
    let last = token(&tokens).await;
    assert_eq!(kid(&last), old);
    clock.advance(seconds(1));
    assert_eq!(kid(&token(&tokens).await), new);
    assert!(verify(&tokens, &last).await.is_ok(), "the old key verifies");
}

#[tokio::test]
async fn a_key_is_retired_two_hours_after_the_next_has_begun_to_sign() {
    let clock = Arc::new(ManualClock::default());
    let keys = KeyRing::in_memory(Arc::clone(&clock), Seeded::default()).expect("keys");
    let tokens = tokens(&keys, &clock).with_lifetime(seconds(3600)).expect("a time");
    let first = ids(&keys).await.remove(0);
    clock.advance(seconds(86_400));
    assert!(keys.retire().await.expect("none").is_empty(), "the only key is needed, however old");
    let second = keys.rotate().await.expect("a key");
    clock.advance(seconds(299));
    let last = token(&tokens).await;
    clock.advance(seconds(3599));
    assert!(verify(&tokens, &last).await.is_ok());
    clock.advance(seconds(300 + 7200 - 299 - 3599 - 1));
    assert!(keys.retire().await.expect("none").is_empty());
    clock.advance(seconds(1));
    assert_eq!(keys.retire().await.expect("one"), [first]);
    assert_eq!(ids(&keys).await, [second]);
}

#[tokio::test]
async fn a_key_is_only_added_when_the_newest_is_old_enough() {
    let (directory, clock) = start();
    let [a, b] = [1, 2].map(|seed| Server::open(&directory.path(), &clock, seed));
    let day = seconds(86_400);
    clock.advance(seconds(86_399));
    assert_eq!(a.keys.rotate_after(day).await.expect("none"), None);
    clock.advance(seconds(1));
    let (a_added, b_added) = tokio::join!(a.keys.rotate_after(day), b.keys.rotate_after(day));
    let added = [a_added.expect("done"), b_added.expect("done")];
    assert_eq!(added.iter().flatten().count(), 1, "{added:?}");
    assert_eq!(ids(&Server::open(&directory.path(), &clock, 3).keys).await.len(), 2);
}

#[tokio::test]
async fn servers_that_start_at_the_same_time_in_an_empty_directory_have_the_same_key() {
    let (directory, clock) = start();
    let path = directory.path();
    let starting: Vec<_> = (0..8)
        .map(|seed| {
            let (path, clock) = (path.clone(), Arc::clone(&clock));
            tokio::task::spawn_blocking(move || Server::open(&path, &clock, seed))
        })
        .collect();
    let mut seen = Vec::new();
    for server in starting {
        seen.push(ids(&server.await.expect("a server").keys).await);
    }
    assert!(seen[0].len() == 1 && seen.iter().all(|ids| *ids == seen[0]), "{seen:?}");
}

#[tokio::test]
async fn no_token_is_refused_while_servers_learn_of_a_new_key() {
    let (directory, clock) = start();
    let [a, b] = [1, 2].map(|seed| Server::open(&directory.path(), &clock, seed));
    let new = a.keys.rotate().await.expect("a key");
    // Whatever the other does meanwhile, and whenever it looks.
    for second in 0..400 {
        for (from, to) in [(&a, &b), (&b, &a)] {
            let issued = from.tokens.issue(&alice(), &[]).await.expect("a token");
            assert!(to.accepts(issued.token.expose()).await, "after {second} s");
        }
        clock.advance(seconds(1));
    }
    for server in [&a, &b] {
        assert_eq!(kid(&token(&server.tokens).await), new, "both sign with it");
    }
}

#[tokio::test]
async fn a_server_that_was_idle_refuses_no_fresh_token_and_signs_with_no_old_key() {
    let (directory, clock) = start();
    let [busy, idle] = [1, 2].map(|seed| Server::open(&directory.path(), &clock, seed));
    let new = busy.keys.rotate().await.expect("a key");
    clock.advance(seconds(300 + 7200));
    busy.keys.retire().await.expect("the old key");
    let fresh = token(&busy.tokens).await;
    // The first reads the directory, and the others come meanwhile.
    let accepted = join_all((0..16).map(|_| idle.accepts(&fresh))).await;
    assert!(accepted.iter().all(|accepted| *accepted), "{accepted:?}");
    let later = Server::open(&directory.path(), &clock, 3);
    later.keys.rotate().await.expect("another key");
    clock.advance(seconds(300 + 7200));
    later.keys.retire().await.expect("the old key");
    for signed in join_all((0..16).map(|_| token(&idle.tokens))).await {
        assert_ne!(kid(&signed), new, "which is gone");
        assert!(busy.accepts(&signed).await);
    }
}

#[tokio::test]
async fn the_directory_is_read_once_a_minute_whatever_keys_are_asked_for() {
    let (directory, clock) = start();
    let server = Server::open(&directory.path(), &clock, 1);
    let ours = token(&server.tokens).await;
    let (mut header, claims) = parts(&ours);
    let mut ask = async |i: u32| {
        header["kid"] = json!(format!("{i:043}"));
        assert!(!server.accepts(&signed(&header, &claims, by_us)).await);
    };
    server.keys.rotate().await.expect("another key, so that the directory is not empty");
    clock.advance(seconds(60));
    ask(0).await;
    // Whoever reads the directory now does not find the key.
    fs::remove_file(directory.file(&kid(&ours))).expect("removed");
    for i in 1..1000 {
        clock.advance(Duration::from_millis(60));
        ask(i).await;
    }
    assert!(server.accepts(&ours).await);
    clock.advance(Duration::from_millis(60));
    ask(1000).await;
    assert!(!server.accepts(&ours).await);
}

#[tokio::test]
async fn a_key_whose_file_is_removed_is_good_for_a_minute_at_most() {
    let (directory, clock) = start();
    let [a, b] = [1, 2].map(|seed| Server::open(&directory.path(), &clock, seed));
    let leaked = ids(&a.keys).await.remove(0);
    let token = token(&a.tokens).await;
    b.keys.rotate().await.expect("a key");
    for server in [&a, &b] {
        assert!(server.accepts(&token).await, "it is remembered from now on");
    }
    fs::remove_file(directory.file(&leaked)).expect("removed");
    clock.advance(seconds(60));
    for server in [&a, &b] {
        assert_eq!(reason(&server.tokens, &token).await, NOT_OURS);
        assert_eq!(ids(&server.keys).await.len(), 1);
    }
}

#[tokio::test]
async fn a_key_that_is_retired_now_verifies_no_more_and_another_signs_at_once() {
    let (directory, clock) = start();
    let [a, b] = [1, 2].map(|seed| Server::open(&directory.path(), &clock, seed));
    let leaked = token(&a.tokens).await;
    let last = a.keys.retire_now(&kid(&leaked)).await.expect_err("there is no other");
    assert!(matches!(last, KeyError::Last), "{last}");
    let new = a.keys.rotate().await.expect("a key");
    for server in [&a, &b] {
        assert!(server.accepts(&leaked).await, "it is remembered from now on");
    }
    a.keys.retire_now(&kid(&leaked)).await.expect("it is there");
    assert_eq!(reason(&a.tokens, &leaked).await, NOT_OURS);
    assert_eq!(kid(&token(&a.tokens).await), new, "though it is fresh");
    clock.advance(seconds(60));
    assert_eq!(reason(&b.tokens, &leaked).await, NOT_OURS);
    assert!(b.accepts(&token(&a.tokens).await).await);
    let gone = a.keys.retire_now(&kid(&leaked)).await.expect_err("it is gone");
    assert!(matches!(gone, KeyError::Unknown { .. }), "{gone}");
}

#[tokio::test]
async fn the_status_says_which_key_signs_which_will_and_which_did() {
    let (directory, clock) = start();
    let server = Server::open(&directory.path(), &clock, 1);
    let duties = async || -> Vec<KeyDuty> {
        server.keys.status().await.into_iter().map(|key| key.duty).collect()
    };
    assert_eq!(duties().await, [KeyDuty::Signs], "the first signs at once");
    clock.advance(seconds(86_400));
    server.keys.rotate().await.expect("a key");
    assert_eq!(duties().await, [KeyDuty::Signs, KeyDuty::Waits]);
    clock.advance(seconds(300));
    assert_eq!(duties().await, [KeyDuty::Verifies, KeyDuty::Signs]);
    let status = server.keys.status().await.remove(1);
    assert_eq!(status.id, kid(&token(&server.tokens).await));
    assert_eq!(status.published, Some(clock.now() - seconds(300)));
}

#[tokio::test]
async fn a_token_that_is_remembered_ends_with_its_key_and_with_its_time() {
    let clock = Arc::new(ManualClock::default());
    let keys = KeyRing::in_memory(Arc::clone(&clock), Seeded::default()).expect("keys");
    let tokens = tokens(&keys, &clock);
    clock.advance(seconds(86_400));
    let last = token(&tokens).await;
    keys.rotate().await.expect("a key");
    clock.advance(seconds(299));
    assert!(verify(&tokens, &last).await.is_ok());
    clock.advance(seconds(1));
    assert_eq!(reason(&tokens, &last).await, "the token has expired");
    clock.advance(seconds(7200));
    assert_eq!(keys.retire().await.expect("one"), [kid(&last)]);
    assert_eq!(reason(&tokens, &last).await, NOT_OURS);
}

#[tokio::test]
async fn keys_stay_as_they_were_when_the_directory_is_empty_all_of_a_sudden() {
    let (directory, clock) = start();
    let server = Server::open(&directory.path(), &clock, 1);
    for file in directory.files() {
        fs::remove_file(file).expect("removed");
    }
    clock.advance(seconds(60));
    let token = token(&server.tokens).await;
    assert!(server.accepts(&token).await);
}

#[tokio::test]
async fn keys_are_there_after_a_restart() {
    let (directory, clock) = start();
    let token = token(&Server::open(&directory.path(), &clock, 1).tokens).await;
    let again = Server::open(&directory.path(), &clock, 2);
    assert!(again.accepts(&token).await);
    assert_eq!(ids(&again.keys).await, [kid(&token)]);
}

#[tokio::test]
async fn a_configured_key_is_not_changed() {
    let world = World::new();
    for error in [
        world.keys.rotate().await.expect_err("configured"),
        world.keys.rotate_after(seconds(0)).await.expect_err("configured"),
        world.keys.retire().await.expect_err("configured"),
        world.keys.retire_now("x").await.expect_err("configured"),
    ] {
        assert!(matches!(error, KeyError::Configured), "{error}");
    }
    assert_eq!(ids(&world.keys).await, [kid(&world.token().await)]);
}

#[tokio::test]
async fn the_published_keys_are_what_others_need_to_verify_and_no_more() {
    let world = World::new();
    let set: Value = serde_json::from_str(&world.keys.jwks().await).expect("JSON");
    let id = kid(&world.token().await);
    // RFC 8410 section 10.1 has the public key.
    let x = "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE";
    assert_eq!(
        set,
        json!({"keys": [{
            "kty": "OKP", "crv": "Ed25519", "x": x, "kid": id, "use": "sig", "alg": "EdDSA",
        }]})
    );
}
