//! One pair of keys of Ed25519.

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use registry_core::ports::Random;
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde_json::{Value, json};

/// A pair of keys, and the name of the public one.
pub(super) struct Key {
    id: String,
    /// The public key, as JWKs and `id` have it.
    x: String,
    signing: EncodingKey,
    verifying: DecodingKey,
}

/// The text is no key that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAKey;

impl Key {
    /// A fresh one.
    pub(super) fn generate(random: &dyn Random) -> Result<Self, NotAKey> {
        let mut seed = [0; 32];
        random.fill(&mut seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| NotAKey)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| NotAKey)?;
        Self::new(&pair, pkcs8.as_ref())
    }

    /// The one in a text of PEM (RFC 7468), as PKCS #8 has it (RFC 8410).
    pub(super) fn from_pem(text: &[u8]) -> Result<Self, NotAKey> {
        let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(text).map_err(|_| NotAKey)?;
        let pkcs8 = pkcs8.secret_pkcs8_der();
        Self::new(&Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| NotAKey)?, pkcs8)
    }

    /// Its text of PEM, private key and all: one line of base64, since the DER has 48 bytes.
    pub(super) fn to_pem(&self) -> String {
        let der = BASE64_STANDARD.encode(self.signing.as_bytes());
        format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n")
    }

    /// The thumbprint of the public key (RFC 7638 section 3), so that nobody has to choose it.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The public key as a JWK (RFC 8037 section 2).
    pub(super) fn to_jwk(&self) -> Value {
        let Self { id, x, .. } = self;
        json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": id, "use": "sig", "alg": "EdDSA"})
    }

    pub(super) const fn signing(&self) -> &EncodingKey {
        &self.signing
    }

    pub(super) const fn verifying(&self) -> &DecodingKey {
        &self.verifying
    }

    fn new(pair: &Ed25519KeyPair, pkcs8: &[u8]) -> Result<Self, NotAKey> {
        let public = pair.public_key().as_ref();
        let x = BASE64_URL_SAFE_NO_PAD.encode(public);
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let id = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()));
        let signing = EncodingKey::from_ed_der(pkcs8);
        let verifying = DecodingKey::from_ed_der(public);
        let key = Self { id, x, signing, verifying };
        if key.signs_what_it_verifies() { Ok(key) } else { Err(NotAKey) }
    }

    /// Whether the two belong together, by whatever cryptography this process has.
    fn signs_what_it_verifies(&self) -> bool {
        let message = self.id.as_bytes();
        crypto::sign(message, &self.signing, Algorithm::EdDSA)
            .and_then(|signature| {
                crypto::verify(&signature, message, &self.verifying, Algorithm::EdDSA)
            })
            .is_ok_and(|verified| verified)
    }
}

#[cfg(test)]
mod tests {
    use registry_core::testing::Seeded;

    use super::*;

    /// RFC 8410 section 10.3: the same key with and without its public half.
    const V1: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
    const V2: &str = "-----BEGIN PRIVATE KEY-----
MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
Z9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PRIVATE KEY-----
";

    #[test]
    fn the_thumbprint_is_that_of_the_rfc() {
        // RFC 8037 appendix A.1 to A.3.
        let seed = BASE64_URL_SAFE_NO_PAD
            .decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
            .expect("base64");
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a key");
        let pkcs8 = pair.to_pkcs8v1().expect("a key");
        let key = Key::new(&pair, pkcs8.as_ref()).expect("a key");
        assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(key.x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    }

    #[test]
    fn a_key_is_read_with_and_without_its_public_half() {
        let [v1, v2] = [V1, V2].map(|pem| Key::from_pem(pem.as_bytes()).map_err(drop));
        let (v1, v2) = (v1.expect("a key"), v2.expect("a key"));
        assert_eq!((v1.id(), &v1.x), (v2.id(), &v2.x));
        assert_eq!(v1.to_pem(), V1);
    }

    #[test]
    fn a_fresh_key_is_read_back_as_it_was_written() {
        let random = Seeded::default();
        let [a, b] = [(); 2].map(|()| Key::generate(&random).map_err(drop).expect("a key"));
        assert_ne!(a.id(), b.id());
        let again = Key::from_pem(a.to_pem().as_bytes()).map_err(drop).expect("a key");
        assert_eq!((again.id(), again.to_pem()), (a.id(), a.to_pem()));
    }

    #[test]
    fn what_is_no_key_of_ed25519_is_refused() {
        for text in [
            "",
            "key",
            "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
            &V1.replace("PRIVATE", "PUBLIC"),
            &V1.replace("MC4CAQAwBQYDK2VwBCIE", "MC4CAQAwBQYDK2VxBCIE"),
            // The public half is another's.
            &V2.replace("Z9w7lshQhqow", "Z9w7lshQhqox"),
            &V1[..V1.len() / 2],
        ] {
            assert!(Key::from_pem(text.as_bytes()).is_err(), "{text}");
        }
    }
}
