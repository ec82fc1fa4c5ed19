//! Where a request goes: a path of the API, or a `Location` the registry gave.

use std::fmt;

use crate::failure::{Failure, Outcome};

/// Where a registry is served: `http://<host>:<port>[/<prefix>]`.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(crate) authority: String,
    pub(crate) prefix: String,
}

impl Base {
    pub(crate) fn parse(text: &str) -> Outcome<Self> {
        let rest = text
            .strip_prefix("http://")
            .ok_or_else(|| Failure::new(format!("this suite speaks plain http only: {text}")))?;
        let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority = match authority.rsplit_once(':') {
            Some(_) => authority.to_owned(),
            None => format!("{authority}:80"),
        };
        Ok(Self { authority, prefix: prefix.trim_end_matches('/').to_owned() })
    }
}

/// An absolute `http` URL without a fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) authority: String,
    /// Path and query, as they go into the request line.
    pub(crate) path: String,
}

impl Url {
    /// Resolves a `Location` (RFC 9110 section 10.2.2) against the URL that was asked.
    ///
    /// Of the relative forms only the absolute path is taken: containerd misreads the others.
    pub(crate) fn resolve(&self, location: &str) -> Outcome<Self> {
        if let Some(rest) = location.strip_prefix("http://") {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            Ok(Self { authority: authority.to_owned(), path: path.to_owned() })
        } else if location.starts_with('/') && !location.starts_with("//") {
            Ok(Self { authority: self.authority.clone(), path: location.to_owned() })
        } else {
            Err(Failure::new(format!("a Location that cannot be followed: {location:?}")))
        }
    }

    /// The same place with one more query parameter, which is given as it goes on the wire.
    pub(crate) fn with(&self, parameter: impl fmt::Display) -> Self {
        let separator = if self.path.contains('?') { '&' } else { '?' };
        Self { path: format!("{}{separator}{parameter}", self.path), ..self.clone() }
    }
}

/// What a row may name as the place of a request.
pub(crate) trait Place {
    fn locate(self, base: &Base) -> Url;
}

/// A path of the API, below the base.
impl Place for &str {
    fn locate(self, base: &Base) -> Url {
        Url { authority: base.authority.clone(), path: format!("{}{self}", base.prefix) }
    }
}

impl Place for String {
    fn locate(self, base: &Base) -> Url {
        self.as_str().locate(base)
    }
}

impl Place for &String {
    fn locate(self, base: &Base) -> Url {
        self.as_str().locate(base)
    }
}

/// A place the registry named.
impl Place for &Url {
    fn locate(self, _: &Base) -> Url {
        self.clone()
    }
}

impl Place for Url {
    fn locate(self, _: &Base) -> Url {
        self
    }
}
