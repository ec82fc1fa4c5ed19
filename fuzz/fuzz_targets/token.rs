//! Tokens: of what was not issued nothing is accepted.
//!
//! `ours` or `theirs`, a header and claims, one a line, are signed by the registry's key or another;
//! `edit` and a line of bytes, three to a change, change a token; all else is a token itself.
#![no_main]

use std::sync::{Arc, LazyLock};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::FutureExt;
use libfuzzer_sys::fuzz_target;
use registry_adapters::jwt::{JsonWebTokens, KeyRing};
use registry_core::{
    access::{Action, Grant},
    credentials::Secret,
    identity::{Principal, PrincipalKind},
    ports::{Random, TokenIssuer, TokenVerifier, VerifiedToken},
    testing::{ManualClock, Seeded},
};
use serde_json::Value;

const ISSUER: &str = "https://registry.example";
const SERVICE: &str = "registry.example";
const KINDS: [PrincipalKind; 5] = [
    PrincipalKind::Anonymous,
    PrincipalKind::User,
    PrincipalKind::Service,
    PrincipalKind::Project,
    PrincipalKind::Runner,
];

struct World {
    tokens: JsonWebTokens,
    issued: String,
    ours: Ed25519KeyPair,
    theirs: Ed25519KeyPair,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let clock = Arc::new(ManualClock::default());
    let keys = KeyRing::in_memory(Arc::clone(&clock), Seeded::default()).expect("a key");
    let tokens = JsonWebTokens::new(ISSUER, SERVICE, keys, clock, Seeded::new(1));
    let grant = Grant::repository(&"a/b".parse().expect("a name"), [Action::Pull]);
    let issued = issue(&tokens, &Principal::new(PrincipalKind::User, "alice"), &[grant]);
    let ours = pair(&Seeded::default());
    let [header, claims] = parts(&issued);
    assert_eq!(sign(&ours, &header, &claims), issued, "the key is the registry's");
    World { tokens, issued, ours, theirs: pair(&Seeded::new(2)) }
});

fuzz_target!(|data: &[u8]| {
    let world = &*WORLD;
    let mut lines = data.splitn(3, |b| *b == b'\n');
    match [(); 3].map(|()| lines.next()) {
        [Some(b"ours"), Some(header), Some(claims)] => {
            let token = sign(&world.ours, header, claims);
            if let Some(verified) = verify(&token) {
                check(&verified, header, claims);
            }
        }
        [Some(b"theirs"), Some(header), Some(claims)] => {
            assert!(verify(&sign(&world.theirs, header, claims)).is_none());
        }
        [Some(b"edit"), Some(_), _] => {
            let mut token = world.issued.clone().into_bytes();
            edit(&mut token, &data[b"edit\n".len()..]);
            let Ok(token) = String::from_utf8(token) else { return };
            assert_eq!(verify(&token).is_some(), token == world.issued, "{token}");
        }
        _ => {
            let Ok(token) = str::from_utf8(data) else { return };
            assert!(verify(token).is_none());
        }
    }
});

fn verify(token: &str) -> Option<VerifiedToken> {
    let verified = WORLD.tokens.verify(&Secret::new(token), &KINDS).now_or_never();
    verified.expect("keys in memory are at hand").ok()
}

fn issue(tokens: &JsonWebTokens, principal: &Principal, grants: &[Grant]) -> String {
    let issued = tokens.issue(principal, grants).now_or_never();
    let issued = issued.expect("keys in memory are at hand").expect("a token");
    issued.token.expose().to_owned()
}

/// What was accepted says what it must, and can be said again.
fn check(verified: &VerifiedToken, header: &[u8], claims: &[u8]) {
    let [header, claims] = [header, claims]
        .map(|json| serde_json::from_slice::<Value>(json).expect("it was understood"));
    assert_eq!(header["alg"], "EdDSA");
    assert_eq!((&claims["iss"], &claims["aud"]), (&ISSUER.into(), &SERVICE.into()));
    let time = |name| claims[name].as_u64().expect("a time");
    assert!(time("nbf") <= ManualClock::START + 5 && ManualClock::START < time("exp"));
    // One that carries much is too long when it has our own header.
    if claims.to_string().len() < 4 << 10 {
        let again = verify(&issue(&WORLD.tokens, &verified.principal, &verified.grants));
        let again = again.expect("it was issued");
        assert_eq!(again.grants, verified.grants);
        assert_eq!(said(&again.principal), said(&verified.principal));
    }
}

fn said(principal: &Principal) -> impl PartialEq + std::fmt::Debug {
    let groups: Vec<String> = principal.groups().map(str::to_owned).collect();
    let id = principal.credential_id().map(str::to_owned);
    (principal.owner(), principal.credential(), id, groups)
}

/// Where, and what becomes of the byte there.
fn edit(token: &mut Vec<u8>, edits: &[u8]) {
    for edit in edits.chunks_exact(3) {
        let at = usize::from(edit[0]) << 2 | usize::from(edit[1] >> 6);
        let Some(byte) = token.get_mut(at) else { continue };
        match edit[1] % 4 {
            0 => *byte = edit[2],
            1 => *byte ^= 1 << (edit[2] % 7),
            2 => token.insert(at, edit[2]),
            _ => drop(token.remove(at)),
        }
    }
}

fn sign(pair: &Ed25519KeyPair, header: &[u8], claims: &[u8]) -> String {
    let [header, claims] = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    let message = format!("{header}.{claims}");
    let signature = BASE64_URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// Header and claims of a token.
fn parts(token: &str) -> [Vec<u8>; 2] {
    let mut parts = token.split('.').map(|part| BASE64_URL_SAFE_NO_PAD.decode(part));
    [(); 2].map(|()| parts.next().expect("a part").expect("base64"))
}

/// The key that a key ring makes of this randomness.
fn pair(random: &dyn Random) -> Ed25519KeyPair {
    let mut seed = [0; 32];
    random.fill(&mut seed);
    Ed25519KeyPair::from_seed_unchecked(&seed).expect("a key")
}
