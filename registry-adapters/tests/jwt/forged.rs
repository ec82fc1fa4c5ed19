//! Tokens that are not ours, or not any more.

use std::{collections::BTreeSet, sync::Arc};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE},
};
use registry_adapters::jwt::JsonWebTokens;
use registry_core::testing::Seeded;
use serde_json::{Value, json};

use crate::support::{
    ISSUER, SERVICE, World, by_us, encode, known_pair, pair, parts, reason, seconds, signed, token,
    verify,
};

const ALGORITHM: &str = "the token's algorithm is not EdDSA";
const HEADER: &str = "the token has no header, or one of an algorithm that is not known";
const SIGNATURE: &str = "the token's signature is wrong";
const UNKNOWN_KEY: &str = "the token's key is not one of ours";
const MALFORMED: &str =
    "the token is not written in base64url without padding, or not in three parts";
const CLAIMS: &str = "the token's claims are not written as ours are";

/// Changes the header, then lets somebody sign.
fn with_header(token: &str, change: Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let (mut header, claims) = parts(token);
    for (name, value) in change.as_object().expect("an object") {
        header[name] = value.clone();
    }
    signed(&header, &claims, sign)
}

/// Changes the claims, and signs as the registry does.
fn with_claims(token: &str, change: Value) -> String {
    let (header, mut claims) = parts(token);
    for (name, value) in change.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    signed(&header, &claims, by_us)
}

fn by_attacker(message: &[u8]) -> Vec<u8> {
    pair(&[7; 32]).sign(message).as_ref().to_vec()
}

#[tokio::test]
async fn what_the_table_signs_as_the_registry_does_is_accepted() {
    let world = World::new();
    let token = world.token().await;
    assert_eq!(with_claims(&token, json!({})).len(), token.len());
    assert!(verify(&world.tokens, &with_claims(&token, json!({}))).await.is_ok());
    assert!(verify(&world.tokens, &with_header(&token, json!({}), by_us)).await.is_ok());
}

#[tokio::test]
async fn another_algorithm_is_refused_whatever_it_signs_with() {
    let world = World::new();
    let token = world.token().await;
    let pair = known_pair();
    let public = pair.public_key().as_ref();
    let hmac = |key: &[u8], message: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        hmac::sign(&key, message).as_ref().to_vec()
    };
    let ecdsa = |message: &[u8]| {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let signature = pair.sign(&SystemRandom::new(), message).expect("a signature");
        signature.as_ref().to_vec()
    };
    for (alg, sign, why) in [
        ("none", &(|_: &[u8]| Vec::new()) as &dyn Fn(&[u8]) -> Vec<u8>, HEADER),
        ("None", &|_| Vec::new(), HEADER),
        ("none", &by_us, HEADER),
        ("HS256", &|message| hmac(public, message), ALGORITHM),
        ("HS256", &|message| hmac(encode(public).as_bytes(), message), ALGORITHM),
        ("HS256", &|message| hmac(b"", message), ALGORITHM),
        ("HS512", &by_us, ALGORITHM),
        ("RS256", &by_us, ALGORITHM),
        ("PS256", &by_us, ALGORITHM),
        ("ES256", &ecdsa, ALGORITHM),
        ("ES256", &by_us, ALGORITHM),
        ("Ed25519", &by_us, HEADER),
        ("eddsa", &by_us, HEADER),
        ("", &by_us, HEADER),
    ] {
        let forged = with_header(&token, json!({ "alg": alg }), sign);
        assert_eq!(reason(&world.tokens, &forged).await, why, "{alg}");
    }
}

#[tokio::test]
async fn a_key_that_a_token_brings_along_is_not_looked_at() {
    let world = World::new();
    let token = world.token().await;
    let x = encode(pair(&[7; 32]).public_key());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "use": "sig", "alg": "EdDSA"});
    let x5c = [BASE64_STANDARD.encode(pair(&[7; 32]).public_key())];
    for (brought, value) in [
        ("jwk", &jwk),
        ("jku", &json!("https://attacker.example/jwks")),
        ("jku", &json!("file:///etc/passwd")),
        ("x5c", &json!(x5c)),
        ("x5u", &json!("https://attacker.example/certificate")),
    ] {
        // With the id of a key that is known: CVE-2025-24976.
        let forged = with_header(&token, json!({ brought: value }), by_attacker);
        assert_eq!(reason(&world.tokens, &forged).await, SIGNATURE, "{brought}");
        let forged = with_header(&token, json!({ brought: value, "kid": x }), by_attacker);
        assert_eq!(reason(&world.tokens, &forged).await, UNKNOWN_KEY, "{brought}");
        // Nor does it do harm.
        let ours = with_header(&token, json!({ brought: value }), by_us);
        assert!(verify(&world.tokens, &ours).await.is_ok(), "{brought}");
    }
}

/// distribution took the key from the header where the `kid` in it was one that it knew.
#[tokio::test]
async fn cve_2025_24976_a_key_in_the_header_is_not_trusted_for_its_id() {
    let world = World::new();
    let (header, claims) = parts(&world.token().await);
    let x = encode(pair(&[7; 32]).public_key());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x, "kid": header["kid"]});
    let mut forged_claims = claims;
    forged_claims["sub"] = json!("root");
    let mut forged_header = header;
    forged_header["jwk"] = jwk;
    let forged = signed(&forged_header, &forged_claims, by_attacker);
    assert_eq!(reason(&world.tokens, &forged).await, SIGNATURE);
    // With no other id than that in the key.
    forged_header.as_object_mut().expect("an object").remove("kid");
    let forged = signed(&forged_header, &forged_claims, by_attacker);
    assert_eq!(reason(&world.tokens, &forged).await, "the token does not name its key");
}

#[tokio::test]
async fn the_id_of_a_key_is_only_compared() {
    let world = World::new();
    let token = world.token().await;
    let (header, _) = parts(&token);
    let kid = header["kid"].as_str().expect("an id");
    for odd in [
        "",
        " ",
        "../../etc/passwd",
        "/dev/null",
        "0",
        "*",
        "key.pem",
        "\0",
        "' OR 1=1 --",
        "https://attacker.example/key",
        &kid[1..],
        &kid.to_lowercase(),
        &format!("{kid}\0"),
        &format!("{kid}.pem"),
        &"k".repeat(8000),
    ] {
        let forged = with_header(&token, json!({ "kid": odd }), by_us);
        assert_eq!(reason(&world.tokens, &forged).await, UNKNOWN_KEY, "{odd:?}");
    }
    for no_text in [json!(1), json!([kid]), json!({ "kid": kid }), json!(true)] {
        let forged = with_header(&token, json!({ "kid": no_text }), by_us);
        assert_eq!(reason(&world.tokens, &forged).await, HEADER, "{no_text}");
    }
    let forged = with_header(&token, json!({ "kid": null }), by_us);
    assert_eq!(reason(&world.tokens, &forged).await, "the token does not name its key");
}

#[tokio::test]
async fn a_type_is_one_of_ours() {
    let world = World::new();
    let token = world.token().await;
    for typ in
        [json!("JWT"), json!("at+jwt"), json!("oci-user"), json!("OCI-USER+JWT"), json!(null)]
    {
        let forged = with_header(&token, json!({ "typ": typ }), by_us);
        assert_eq!(reason(&world.tokens, &forged).await, "the token's typ is not one of ours");
    }
    let forged = with_header(&token, json!({ "crit": ["exp"] }), by_us);
    assert!(reason(&world.tokens, &forged).await.contains("critical"));
}

#[tokio::test]
async fn what_is_signed_is_checked_all_the_same() {
    let world = World::new();
    let token = world.token().await;
    let (_, claims) = parts(&token);
    let (exp, nbf) = (claims["exp"].as_u64().expect("a time"), claims["nbf"].as_u64());
    let nbf = nbf.expect("a time");
    let issuer = "the token is of another issuer";
    let audience = "the token is for another service";
    let unknown = "the token is not understood: ";
    for (change, why) in [
        (json!({"iss": "https://other.example"}), issuer),
        (json!({"iss": format!("{ISSUER}/")}), issuer),
        (json!({"iss": ""}), issuer),
        (json!({"iss": [ISSUER]}), CLAIMS),
        (json!({"iss": null}), CLAIMS),
        (json!({"aud": "other.example"}), audience),
        (json!({"aud": SERVICE.to_uppercase()}), audience),
        (json!({"aud": [SERVICE]}), CLAIMS),
        (json!({"aud": [SERVICE, "other.example"]}), CLAIMS),
        (json!({"aud": null}), CLAIMS),
        (json!({"exp": nbf}), "the token has expired"),
        (json!({"exp": 0}), "the token has expired"),
        (json!({"exp": -1}), CLAIMS),
        (json!({"exp": exp as f64 + 0.5}), CLAIMS),
        (json!({"exp": exp.to_string()}), CLAIMS),
        (json!({"exp": null}), CLAIMS),
        (json!({"nbf": nbf + 6}), "the token is not good yet: compare the clocks of the servers"),
        (json!({"nbf": u64::MAX}), "the token is not good yet: compare the clocks of the servers"),
        (json!({"nbf": null}), CLAIMS),
        (json!({"sub": null}), CLAIMS),
        (json!({"admin": true}), CLAIMS),
        (json!({"access": null}), CLAIMS),
        (access("repository", "a", &["pull", "fly"]), "action that is not known"),
        (access("registry", "catalog", &["pull"]), "action that is not known"),
        (access("repository", "A", &["pull"]), "something that is not known"),
        (access("repository(plugin)", "a", &["pull"]), "something that is not known"),
        (access("fleet", "a", &[]), "something that is not known"),
        (json!({"credential": {"kind": "magic"}}), "credential is of a kind that is not known"),
        (json!({"credential": {}}), CLAIMS),
        (json!({"sub": ""}), "its subject is not one of its kind"),
    ] {
        let forged = with_claims(&token, change.clone());
        let reason = reason(&world.tokens, &forged).await;
        let is_unknown = reason.strip_prefix(unknown).is_some_and(|rest| rest.contains(why));
        assert!(reason == why || is_unknown, "{change}: {reason}");
    }
    assert!(verify(&world.tokens, &with_claims(&token, json!({"nbf": nbf + 5}))).await.is_ok());
}

fn access(kind: &str, name: &str, actions: &[&str]) -> Value {
    json!({"access": [{"type": kind, "name": name, "actions": actions}]})
}

#[tokio::test]
async fn a_token_of_another_registry_is_refused() {
    let world = World::new();
    let of = |issuer, service| {
        let (keys, clock) = (world.keys.clone(), Arc::clone(&world.clock));
        JsonWebTokens::new(issuer, service, keys, clock, Seeded::default())
    };
    let issuer = of("https://other.example", SERVICE);
    let service = of(ISSUER, "other.example");
    assert_eq!(
        reason(&world.tokens, &token(&issuer).await).await,
        "the token is of another issuer"
    );
    assert_eq!(
        reason(&world.tokens, &token(&service).await).await,
        "the token is for another service"
    );
    let clock = Arc::clone(&world.clock);
    let keys = registry_adapters::jwt::KeyRing::in_memory(clock, Seeded::new(9)).expect("a key");
    let key = crate::support::tokens(&keys, &world.clock);
    assert_eq!(reason(&world.tokens, &token(&key).await).await, UNKNOWN_KEY);
}

#[tokio::test]
async fn a_token_is_refused_before_and_after_its_time() {
    let world = World::new();
    let token = world.token().await;
    world.clock.advance(seconds(299));
    assert!(verify(&world.tokens, &token).await.is_ok());
    world.clock.advance(seconds(1));
    assert_eq!(reason(&world.tokens, &token).await, "the token has expired");
    // The clock of the server that signed it is ahead.
    let (early, late) = (World::new(), World::new());
    late.clock.advance(seconds(5));
    assert!(verify(&early.tokens, &late.token().await).await.is_ok(), "clocks differ a little");
    late.clock.advance(seconds(1));
    assert!(reason(&early.tokens, &late.token().await).await.contains("not good yet"));
}

#[tokio::test]
async fn a_token_that_is_not_whole_is_refused() {
    let world = World::new();
    let token = world.token().await;
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("{} parts", parts.len()) };
    let padded = |part: &str| BASE64_URL_SAFE.encode(decoded(part));
    for (forged, why) in [
        (String::new(), HEADER),
        (".".to_owned(), HEADER),
        ("..".to_owned(), HEADER),
        ("a.b.c".to_owned(), HEADER),
        (header.to_owned(), HEADER),
        (format!("{header}.{claims}"), HEADER),
        (format!("{header}.{claims}."), SIGNATURE),
        (format!("{token}.{signature}"), HEADER),
        (format!(".{token}"), HEADER),
        (format!("{token}."), HEADER),
        (format!(" {token}"), HEADER),
        (format!("{token} "), MALFORMED),
        (format!("{token}="), MALFORMED),
        (format!("{token}=="), MALFORMED),
        (format!("{header}.{claims}.{}", padded(signature)), MALFORMED),
        (format!("{header}.{claims}.{}", signature.repeat(2)), SIGNATURE),
        (
            format!("{header}.{claims}.{}", encode([decoded(signature), vec![0]].concat())),
            SIGNATURE,
        ),
        (format!("{header}.{}.{signature}", encode("{}")), SIGNATURE),
        (format!("{header}.{}.{signature}", &claims[1..]), SIGNATURE),
        (format!("{header}..{signature}"), SIGNATURE),
        (format!("{}.{claims}.{signature}", encode("{}")), HEADER),
        (token[..token.len() - 2].to_owned(), SIGNATURE),
        ("x".repeat(1 << 20), "the token has more than 16384 bytes"),
        (
            format!("{}.{claims}.{signature}", "A".repeat(16384)),
            "the token has more than 16384 bytes",
        ),
    ] {
        let reason = reason(&world.tokens, &forged).await;
        assert_eq!(reason, why, "{forged:.200}");
    }
}

#[tokio::test]
async fn no_single_character_can_be_another() {
    let world = World::new();
    let token = world.token().await;
    let mut reasons = BTreeSet::new();
    for at in 0..token.len() {
        for other in [b'A', b'B', b'_', b'=', b'.', b' ', b'+'] {
            let mut forged = token.clone().into_bytes();
            if forged[at] == other {
                continue;
            }
            forged[at] = other;
            let forged = String::from_utf8(forged).expect("ASCII");
            reasons.insert(reason(&world.tokens, &forged).await);
        }
    }
    assert!(reasons.contains(SIGNATURE) && reasons.contains(HEADER), "{reasons:?}");
}

fn decoded(part: &str) -> Vec<u8> {
    base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64")
}
