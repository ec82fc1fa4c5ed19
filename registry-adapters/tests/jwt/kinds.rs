//! A token of one kind is none of another.

use registry_core::{
    credentials::Secret,
    identity::{Principal, PrincipalKind},
    ports::{AuthenticationError, TokenIssuer, TokenVerifier},
};

use crate::support::{KINDS, World, by_us, parts, reason, signed};

fn principal(kind: PrincipalKind) -> Principal {
    match kind {
        PrincipalKind::Anonymous => Principal::anonymous(),
        kind => Principal::new(kind, "acme"),
    }
}

#[tokio::test]
async fn only_the_accepted_kind_passes() {
    let world = World::new();
    for kind in KINDS {
        let issued = world.tokens.issue(&principal(kind), &[]).await.expect("a token");
        for accepted in KINDS {
            match world.tokens.verify(&issued.token, &[accepted]).await {
                Ok(verified) => {
                    assert_eq!((verified.principal.kind(), kind), (accepted, accepted));
                }
                Err(AuthenticationError::Refused { reason, .. }) => {
                    assert!(kind != accepted && reason.contains("kind"), "{kind:?}: {reason}");
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        assert!(world.tokens.verify(&issued.token, &[]).await.is_err());
        assert!(world.tokens.verify(&issued.token, &KINDS).await.is_ok());
    }
}

#[tokio::test]
async fn a_token_cannot_be_made_one_of_another_kind() {
    let world = World::new();
    let mut types = Vec::new();
    for kind in KINDS {
        let issued = world.tokens.issue(&principal(kind), &[]).await.expect("a token");
        let (header, _) = parts(issued.token.expose());
        types.push((header["typ"].clone(), issued.token));
    }
    for (own, token) in &types {
        for (other, _) in types.iter().filter(|(other, _)| other != own) {
            let (mut header, claims) = parts(token.expose());
            header["typ"] = other.clone();
            let signature = token.expose().rsplit('.').next().expect("a signature");
            let forged = signed(&header, &claims, |_| Vec::new()) + signature;
            assert_eq!(
                reason(&world.tokens, &forged).await,
                "the token's signature is wrong",
                "{own} as {other}"
            );
        }
    }
}

#[tokio::test]
async fn only_anonymous_is_nobody() {
    let world = World::new();
    for (typ, sub, fits) in [
        ("oci-anonymous+jwt", "", true),
        ("oci-anonymous+jwt", "alice", false),
        ("oci-user+jwt", "", false),
        ("oci-project+jwt", "", false),
        ("oci-user+jwt", "anonymous", true),
    ] {
        let (mut header, mut claims) = parts(&world.token().await);
        header["typ"] = typ.into();
        claims["sub"] = sub.into();
        let token = Secret::new(signed(&header, &claims, by_us));
        assert_eq!(world.tokens.verify(&token, &KINDS).await.is_ok(), fits, "{typ} {sub}");
    }
}
