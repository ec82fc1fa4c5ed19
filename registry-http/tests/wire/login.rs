//! Who the suite says it is, in the ways in which real clients say it.

use hyper::{
    HeaderMap,
    header::{HeaderValue, WWW_AUTHENTICATE},
};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    failure::{Failure, Outcome},
    url::Url,
};

/// A user of the registry under test.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    /// `Basic …`
    pub(crate) password: HeaderValue,
    /// Where the registry asks for one, a token is shown in its place.
    pub(crate) takes_tokens: bool,
}

/// What a row has of tokens: the last, until the registry asks for another.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Mutex<Option<HeaderValue>>);

/// `WWW-Authenticate: Bearer realm="…",service="…",scope="…"`
#[derive(Debug)]
pub(crate) struct Challenge {
    realm: Url,
    query: String,
}

impl Tokens {
    pub(crate) async fn last(&self) -> Option<HeaderValue> {
        self.0.lock().await.clone()
    }

    /// Takes the token out of the reply of the token endpoint.
    pub(crate) async fn keep(&self, reply: &[u8]) -> Outcome<HeaderValue> {
        let reply: Value = serde_json::from_slice(reply)?;
        let token = reply["token"].as_str();
        let token = token.ok_or_else(|| Failure::new(format!("no token in {reply}")))?;
        let token = HeaderValue::from_str(&format!("Bearer {token}"))?;
        *self.0.lock().await = Some(token.clone());
        Ok(token)
    }
}

impl Challenge {
    /// What the registry asks for, if that is a token.
    pub(crate) fn of(headers: &HeaderMap, asked: &Url) -> Outcome<Option<Self>> {
        let Some(value) = headers.get(WWW_AUTHENTICATE) else { return Ok(None) };
        let value = value.to_str()?;
        let Some(parameters) = value.strip_prefix("Bearer ") else { return Ok(None) };
        let parameter = |name: &str| {
            let (_, rest) = parameters.split_once(&format!("{name}=\""))?;
            rest.split_once('"').map(|(value, _)| value.to_owned())
        };
        let lacks = |name| Failure::new(format!("a challenge without {name}: {value}"));
        let realm = asked.resolve(&parameter("realm").ok_or_else(|| lacks("a realm"))?)?;
        let service = parameter("service").ok_or_else(|| lacks("a service"))?;
        let scopes = parameter("scope").unwrap_or_default();
        let scopes = scopes.split(' ').filter(|scope| !scope.is_empty());
        let scopes: String = scopes.map(|scope| format!("&scope={scope}")).collect();
        Ok(Some(Self { realm, query: format!("service={service}{scopes}") }))
    }

    /// Where to ask for the token.
    pub(crate) fn url(&self) -> Url {
        self.realm.with(&self.query)
    }
}
