//! Tokens that are signed (JSON Web Tokens, RFC 7519), and the keys that sign them.
//!
//! The one algorithm is EdDSA with Ed25519 (RFC 8037). Of a token's header only `alg`, which is
//! compared, `typ`, which says of which kind of principal it is, and `kid` count; `kid` selects one of
//! our keys and nothing else. A key or a certificate that a token brings along is not looked at.
//!
//! The cryptography is that of aws-lc-rs. An application in which somebody else switches on the other
//! backend of `jsonwebtoken` has to install one of them as that crate's `CryptoProvider` before it
//! makes a [`KeyRing`].
//!
//! What a token claims goes out as a [`VerifiedToken`] and no other way: the claims themselves have no
//! name outside, and what signs and reads them cannot be changed.
//!
//! ```compile_fail,E0603
//! use registry_adapters::jwt::claims::Claims;
//! ```
//!
//! ```compile_fail,E0616
//! # use registry_adapters::jwt::JsonWebTokens;
//! fn of_another(tokens: &mut JsonWebTokens) {
//!     tokens.service = "another".into();
//! }
//! ```

mod claims;
mod directory;
mod key;
mod key_ring;
mod keys;
mod verified;

use std::{
    fmt,
    ops::RangeInclusive,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode, errors};
use registry_core::{
    access::Grant,
    credentials::Secret,
    identity::{Principal, PrincipalKind},
    ports::{
        AuthenticationError, Clock, IssuedToken, Random, TokenError, TokenIssuer, TokenVerifier,
        VerifiedToken,
    },
};

use self::{
    claims::{Claims, Envelope, Unknown, Unspeakable},
    verified::{Signed, Verified},
};
pub use self::{
    key_ring::{KeyError, KeyRing},
    keys::{KeyDuty, KeyStatus},
};

/// A token has to fit into a header of a request, and is not looked at if it could not.
const MAX_LENGTH: usize = 16 << 10;
/// How far the clock of the server that signed may be ahead.
const LEEWAY: Duration = Duration::from_secs(5);
/// As long as one is good if nobody says otherwise.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Clients take less than a minute for one; a key verifies for not much longer than an hour.
const LIFETIMES: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(60 * 60);

/// Makes the tokens of one registry, and reads them.
///
/// A token carries kind, id, groups and credential of its principal, though not the application's own
/// value, and those actions of its grants for which the token protocol has words. It has at most
/// 16 KiB, and is good for five minutes from the second in which it was made.
///
/// Servers that share issuer, service and keys read each other's tokens. Their clocks may differ by
/// five seconds.
pub struct JsonWebTokens {
    issuer: Box<str>,
    service: Box<str>,
    lifetime: Duration,
    keys: KeyRing,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    validation: Validation,
    verified: Verified,
}

/// Tokens cannot be good for as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tokens are good for 60 to 3600 seconds: choose a time between")]
pub struct LifetimeError;

impl JsonWebTokens {
    /// Tokens of this issuer for this service (the claims `iss` and `aud`).
    #[must_use]
    pub fn new(
        issuer: &str,
        service: &str,
        keys: KeyRing,
        clock: impl Clock,
        random: impl Random,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            service: service.into(),
            lifetime: LIFETIME,
            keys,
            clock: Arc::new(clock),
            random: Arc::new(random),
            validation: signature_alone(),
            verified: Verified::new(),
        }
    }

    /// The same, good for another time, in whole seconds.
    ///
    /// # Errors
    /// When it is less than a minute or more than an hour.
    pub fn with_lifetime(self, lifetime: Duration) -> Result<Self, LifetimeError> {
        if !LIFETIMES.contains(&lifetime) {
            return Err(LifetimeError);
        }
        Ok(Self { lifetime: Duration::from_secs(lifetime.as_secs()), ..self })
    }

    async fn sign(&self, principal: &Principal, grants: &[Grant]) -> Result<IssuedToken, Unsigned> {
        let issued = self.seconds();
        let envelope = Envelope {
            issuer: &self.issuer,
            service: &self.service,
            issued,
            expires: issued + self.lifetime.as_secs(),
            id: self.fresh_id(),
        };
        let claims = Claims::new(envelope, principal, grants)?;
        let key = self.keys.signing().await?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(claims::type_of(principal.kind())?.to_owned());
        header.kid = Some(key.id().to_owned());
        let token = encode(&header, &claims, key.signing())?;
        if token.len() > MAX_LENGTH {
            return Err(Unsigned::TooLong);
        }
        let issued = UNIX_EPOCH + Duration::from_secs(issued);
        Ok(IssuedToken { token: Secret::new(token), issued, lifetime: self.lifetime })
    }

    async fn read(
        &self,
        token: &str,
        accepted: &[PrincipalKind],
    ) -> Result<VerifiedToken, Refusal> {
        if token.len() > MAX_LENGTH {
            return Err(Refusal::TooLong);
        }
        let now = self.seconds();
        if let Some(signed) = self.verified.get(token) {
            let is_good = self.check_again(&signed, now).await;
            return match is_good {
                Ok(()) => signed.said_to(accepted),
                Err(refusal) => {
                    self.verified.forget(&signed);
                    Err(refusal)
                }
            };
        }
        let signed = Arc::new(self.open(token).await?);
        check_time(&signed.claims, now)?;
        self.verified.insert(Arc::clone(&signed), now);
        signed.said_to(accepted)
    }

    /// What is remembered of a token is what it says, which was for us: its key may have been retired
    /// since, and its time be over.
    async fn check_again(&self, signed: &Signed, now: u64) -> Result<(), Refusal> {
        if self.keys.verifying(signed.key.id()).await.is_none() {
            return Err(Refusal::UnknownKey);
        }
        check_time(&signed.claims, now)
    }

    /// Reads a token that one of our keys signed for us, be it good for now or not.
    async fn open(&self, token: &str) -> Result<Signed, Refusal> {
        let header = decode_header(token).map_err(|_| Refusal::Header)?;
        if header.alg != Algorithm::EdDSA {
            return Err(Refusal::Algorithm);
        }
        if header.crit.is_some() {
            return Err(Refusal::Critical);
        }
        let kind = header.typ.as_deref().and_then(claims::kind_of).ok_or(Refusal::Type)?;
        let id = header.kid.ok_or(Refusal::NoKey)?;
        let key = self.keys.verifying(&id).await.ok_or(Refusal::UnknownKey)?;
        let claims = decode::<Claims>(token, key.verifying(), &self.validation)?.claims;
        if claims.iss != *self.issuer {
            return Err(Refusal::Issuer);
        }
        if claims.aud != *self.service {
            return Err(Refusal::Audience);
        }
        let says = VerifiedToken { principal: claims.principal(kind)?, grants: claims.grants()? };
        Ok(Signed { kind, key, claims, says, token: Secret::new(token) })
    }

    /// Since 1970.
    fn seconds(&self) -> u64 {
        self.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    fn fresh_id(&self) -> String {
        let mut id = [0; 16];
        self.random.fill(&mut id);
        BASE64_URL_SAFE_NO_PAD.encode(id)
    }
}

#[async_trait]
impl TokenIssuer for JsonWebTokens {
    async fn issue(
        &self,
        principal: &Principal,
        grants: &[Grant],
    ) -> Result<IssuedToken, TokenError> {
        self.sign(principal, grants).await.map_err(TokenError::from)
    }
}

#[async_trait]
impl TokenVerifier for JsonWebTokens {
    async fn verify(
        &self,
        token: &Secret,
        accepted: &[PrincipalKind],
    ) -> Result<VerifiedToken, AuthenticationError> {
        let read = self.read(token.expose(), accepted).await;
        read.map_err(|refusal| AuthenticationError::refused(refusal.to_string()))
    }
}

impl fmt::Debug for JsonWebTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonWebTokens")
            .field("issuer", &self.issuer)
            .field("service", &self.service)
            .field("lifetime", &self.lifetime)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

fn check_time(claims: &Claims, now: u64) -> Result<(), Refusal> {
    if now.saturating_add(LEEWAY.as_secs()) < claims.nbf {
        Err(Refusal::NotYet)
    } else if now >= claims.exp {
        Err(Refusal::Expired)
    } else {
        Ok(())
    }
}

/// The library checks the signature. It would ask the machine for the time, and take a list for an
/// issuer or an audience, so the rest is done here.
fn signature_alone() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

/// Why a token was not made.
#[derive(Debug, thiserror::Error)]
enum Unsigned {
    #[error(transparent)]
    Unspeakable(#[from] Unspeakable),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("it could not be signed")]
    Signature(#[from] errors::Error),
    #[error("it has more than {MAX_LENGTH} bytes")]
    TooLong,
}

impl From<Unsigned> for TokenError {
    fn from(unsigned: Unsigned) -> Self {
        match unsigned {
            Unsigned::TooLong => Self::TooLong,
            other => Self::Unavailable(Box::new(other)),
        }
    }
}

/// Why a token was refused, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("the token has more than {MAX_LENGTH} bytes")]
    TooLong,
    #[error("the token has no header, or one of an algorithm that is not known")]
    Header,
    #[error("the token's algorithm is not EdDSA")]
    Algorithm,
    #[error("the token's header has parts that are critical, none of which is known")]
    Critical,
    #[error("the token's typ is not one of ours")]
    Type,
    #[error("the token is of a kind that is not accepted here")]
    Kind,
    #[error("the token does not name its key")]
    NoKey,
    #[error("the token's key is not one of ours")]
    UnknownKey,
    #[error("the token is not written in base64url without padding, or not in three parts")]
    Malformed,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token's claims are not written as ours are")]
    Claims,
    #[error("the token is of another issuer")]
    Issuer,
    #[error("the token is for another service")]
    Audience,
    #[error("the token is not good yet: compare the clocks of the servers")]
    NotYet,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not understood: {0}")]
    Unknown(#[from] Unknown),
}

impl From<errors::Error> for Refusal {
    fn from(error: errors::Error) -> Self {
        use errors::ErrorKind::{Base64, InvalidSignature, InvalidToken};
        match error.kind() {
            InvalidSignature => Self::Signature,
            Base64(_) | InvalidToken => Self::Malformed,
            _ => Self::Claims,
        }
    }
}
