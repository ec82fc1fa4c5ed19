//! What a client asks of the token service.

use std::borrow::Cow;

use futures::StreamExt;
use hyper::{HeaderMap, header::CONTENT_TYPE};
use registry_core::{
    access::Grant,
    credentials::{Credentials, Secret},
    endpoint::EndpointError,
    error::{BodyError, RegistryError},
    ports::AuthenticationError,
};

use crate::{authorization::credentials, incoming::Incoming};

/// The largest form in bytes.
pub(super) const MAX_FORM: usize = 64 * 1024;

/// The most scopes of one token, each of which the registry may have to look up. A push asks for one,
/// and for one more for each repository that it mounts from.
const MAX_SCOPES: usize = 32;

/// A request for a token.
pub(super) struct TokenRequest {
    /// What the token is for, where that is said.
    pub(super) service: Option<String>,
    pub(super) proof: Proof,
    /// What it is to carry.
    pub(super) grants: Vec<Grant>,
    /// Whether a refresh token is wanted too.
    pub(super) is_offline: bool,
}

/// Who asks for it.
pub(super) enum Proof {
    /// Whoever these credentials belong to, which may be nobody in particular.
    Credentials(Credentials),
    /// Whoever this refresh token was made for.
    RefreshToken(Secret),
}

impl TokenRequest {
    /// Reads the query of a `GET` (distribution, "Token Authentication").
    pub(super) fn from_query(query: &str, headers: &HeaderMap) -> Result<Self, RegistryError> {
        let fields = Fields::parse(query.as_bytes());
        let is_offline = fields.one("offline_token")? == Some("true");
        let proof = credentials(headers)
            .map_err(|error| AuthenticationError::refused(error.to_string()))
            .map(Proof::Credentials)?;
        fields.request(proof, is_offline)
    }

    /// Reads the form of a `POST` (distribution, "OAuth2 Token Authentication").
    pub(super) fn from_form(form: &[u8]) -> Result<Self, RegistryError> {
        let fields = Fields::parse(form);
        let is_offline = fields.one("access_type")? == Some("offline");
        let proof = match fields.one("grant_type")? {
            Some("password") => Proof::Credentials(Credentials::Basic {
                username: fields.filled("username", "it has no username")?.to_owned(),
                password: Secret::new(fields.filled("password", "it has no password")?),
            }),
            Some("refresh_token") => Proof::RefreshToken(Secret::new(
                fields.filled("refresh_token", "it has no refresh_token")?,
            )),
            _ => return Err(malformed("its grant_type is neither password nor refresh_token")),
        };
        fields.request(proof, is_offline)
    }
}

/// Reads a form to its end.
pub(super) async fn read_form(
    headers: &HeaderMap,
    body: Option<Box<Incoming>>,
) -> Result<Vec<u8>, RegistryError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.map(|text| text.split(';').next().unwrap_or_default().trim());
    let is_form = |text: &str| text.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    if !media_type.is_some_and(is_form) {
        return Err(malformed("its Content-Type is not application/x-www-form-urlencoded"));
    }
    let mut form = Vec::new();
    let Some(mut body) = body else { return Ok(form) };
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|error| match error {
            BodyError::Broken(_) => malformed("its body ended early"),
            error => error.into(),
        })?;
        if form.len() + bytes.len() > MAX_FORM {
            return Err(malformed("its form has more than 64 KiB"));
        }
        form.extend_from_slice(&bytes);
    }
    Ok(form)
}

/// The pairs of a query or a form.
struct Fields<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Fields<'a> {
    fn parse(text: &'a [u8]) -> Self {
        Self(form_urlencoded::parse(text).collect())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// RFC 6749 section 3.2: a parameter without a value is none, and none may be there twice.
    fn one(&self, name: &str) -> Result<Option<&str>, RegistryError> {
        let mut values = self.all(name).filter(|value| !value.is_empty());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(malformed("a parameter is there twice")),
        }
    }

    fn filled(&self, name: &str, missing: &'static str) -> Result<&str, RegistryError> {
        self.one(name)?.ok_or(malformed(missing))
    }

    fn request(&self, proof: Proof, is_offline: bool) -> Result<TokenRequest, RegistryError> {
        let service = self.one("service")?.map(ToOwned::to_owned);
        let scopes: Vec<&str> =
            self.all("scope").flat_map(|text| text.split(' ')).filter(|s| !s.is_empty()).collect();
        if scopes.len() > MAX_SCOPES {
            return Err(malformed("it has more than 32 scopes"));
        }
        let grants = Grant::parse_scopes(&scopes.join(" "));
        Ok(TokenRequest { service, proof, grants, is_offline })
    }
}

pub(super) fn malformed(what: &'static str) -> RegistryError {
    EndpointError::Malformed(what).into()
}
