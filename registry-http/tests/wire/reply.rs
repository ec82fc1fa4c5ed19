//! What came back, and what a row may ask of it. Each question fails with request, wish and reply.

use bytes::Bytes;
use hyper::{StatusCode, header::HeaderMap};
use serde_json::Value;

use crate::{
    clauses::ERROR_CODES,
    failure::{Failure, Outcome},
    url::Url,
};

/// A whole reply.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The request, in one line.
    pub(crate) asked: String,
    /// Where the reply came from, after any redirects.
    pub(crate) url: Url,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn status(&self, expected: u16) -> Outcome<&Self> {
        self.status_in(&[expected])
    }

    pub(crate) fn status_in(&self, expected: &[u16]) -> Outcome<&Self> {
        let wish = expected.iter().map(|s| named(*s)).collect::<Vec<_>>().join(" or ");
        self.ensure(expected.contains(&self.status), format!("status {wish}"))
    }

    /// The value of a header that must be there, and only once.
    pub(crate) fn header(&self, name: &str) -> Outcome<&str> {
        let mut values = self.headers.get_all(name).into_iter();
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value.to_str()?),
            _ => Err(self.fail(format!("one header {name}"))),
        }
    }

    pub(crate) fn has(&self, name: &str, expected: impl AsRef<str>) -> Outcome<&Self> {
        let expected = expected.as_ref();
        let found = self.headers.get(name).is_some_and(|value| value == expected);
        self.ensure(found, format!("header {name}: {expected}"))
    }

    pub(crate) fn lacks(&self, name: &str) -> Outcome<&Self> {
        self.ensure(!self.headers.contains_key(name), format!("no header {name}"))
    }

    /// Every element of a header that is a list, over all its lines (RFC 9110 section 5.6.1).
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let lines = self.headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).map(|s| s.trim().to_owned()).collect()
    }

    /// Where `Location` points.
    pub(crate) fn location(&self) -> Outcome<Url> {
        let location = self.header("location")?;
        self.url.resolve(location).map_err(|failure| failure.during(&self.asked))
    }

    /// Where the page after this one is, if `Link` says that there is one (RFC 8288).
    pub(crate) fn next_page(&self) -> Outcome<Option<Url>> {
        let Some(link) = self.headers.get("link") else {
            return Ok(None);
        };
        let link = link.to_str()?;
        let (target, parameters) = link
            .strip_prefix('<')
            .and_then(|rest| rest.split_once('>'))
            .ok_or_else(|| self.fail("a header Link: <…>; rel=\"next\""))?;
        let next = parameters
            .split(';')
            .any(|parameter| matches!(parameter.trim(), r#"rel="next""# | "rel=next"));
        self.ensure(next, "a Link whose relation is rel=\"next\"")?;
        Ok(Some(self.url.resolve(target)?))
    }

    pub(crate) fn body_is(&self, expected: &[u8]) -> Outcome<&Self> {
        let wish = || format!("a body of exactly the {} bytes that were pushed", expected.len());
        if self.body == expected { Ok(self) } else { Err(self.fail(wish())) }
    }

    pub(crate) fn json(&self) -> Outcome<Value> {
        serde_json::from_slice(&self.body).map_err(|_| self.fail("a JSON body"))
    }

    /// The codes in the error envelope, which must have the form that the spec gives.
    pub(crate) fn error_codes(&self) -> Outcome<Vec<String>> {
        let body = self.json()?;
        let errors = body["errors"].as_array().filter(|errors| !errors.is_empty());
        let errors = errors.ok_or_else(|| self.fail(r#"a body {"errors":[{"code":…}, …]}"#))?;
        let mut codes = Vec::new();
        for error in errors {
            let code = error["code"].as_str().filter(|code| ERROR_CODES.contains(code));
            let code = code.ok_or_else(|| self.fail("only error codes that the spec lists"))?;
            let message = error.get("message");
            self.ensure(message.is_none_or(Value::is_string), "an error message that is a string")?;
            codes.push(code.to_owned());
        }
        Ok(codes)
    }

    /// An error envelope in which each code is one of these.
    pub(crate) fn refused(&self, expected: &[&str]) -> Outcome<&Self> {
        let codes = self.error_codes()?;
        let wish = format!("error code {}", expected.join(" or "));
        self.ensure(codes.iter().all(|code| expected.contains(&code.as_str())), wish)
    }

    /// Fails with the wish unless the condition holds.
    pub(crate) fn ensure(&self, holds: bool, wish: impl Into<String>) -> Outcome<&Self> {
        if holds { Ok(self) } else { Err(self.fail(wish)) }
    }

    /// The failure: request, wish, reply.
    pub(crate) fn fail(&self, wish: impl Into<String>) -> Failure {
        let wish = wish.into();
        let mut text = format!("request:  {}\nexpected: {wish}\ncame:     ", self.asked);
        text.push_str(&named(self.status));
        for (name, value) in self.headers.iter().filter(|(name, _)| *name != "date") {
            text.push_str(&format!("\n          {name}: {}", value.to_str().unwrap_or("not text")));
        }
        if !self.body.is_empty() {
            text.push_str(&format!("\n          {}", excerpt(&self.body)));
        }
        Failure::new(text)
    }
}

fn named(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    format!("{status} {}", reason.unwrap_or_default())
}

fn excerpt(body: &[u8]) -> String {
    const SHOWN: usize = 400;
    match std::str::from_utf8(&body[..body.len().min(SHOWN)]) {
        Ok(text) if body.len() <= SHOWN => text.to_owned(),
        Ok(text) => format!("{text}… ({} bytes)", body.len()),
        Err(_) => format!("({} bytes)", body.len()),
    }
}
