//! Where in a server's paths the registry lies.

use std::{fmt, str::FromStr};

use registry_core::endpoint::Endpoint;

/// A prefix of every path of the registry: empty, or `/a/b` without a slash at its end. Clients
/// reach the API below it at `<prefix>/v2/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// The text is not a base path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a base path is empty, or '/' and segments of letters, digits, '-', '.', '_' and '~'")]
pub struct BasePathError;

impl BasePath {
    /// The path below the prefix; `None` when it lies elsewhere.
    pub(crate) fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(self.0.as_str())
    }

    /// The path and query of an endpoint, as `Location` and `Link` carry them: relative to the
    /// server, so that no proxy's scheme or host has to be known (D4).
    pub(crate) fn locate(&self, endpoint: &Endpoint) -> String {
        let (_, path) = endpoint.format();
        if self.0.is_empty() { path } else { format!("{}{path}", self.0) }
    }
}

impl FromStr for BasePath {
    type Err = BasePathError;

    fn from_str(text: &str) -> Result<Self, BasePathError> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let is_segment = |segment: &str| !segment.is_empty() && segment.bytes().all(unreserved);
        let fits = match text.strip_prefix('/') {
            Some(segments) => segments.split('/').all(is_segment),
            None => text.is_empty(),
        };
        if fits { Ok(Self(text.to_owned())) } else { Err(BasePathError) }
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_prefix_of_what_it_locates() {
        let base: BasePath = "/mirror/eu-1".parse().unwrap();
        assert_eq!(base.locate(&Endpoint::Ping), "/mirror/eu-1/v2/");
        assert_eq!(base.strip("/mirror/eu-1/v2/"), Some("/v2/"));
        assert_eq!(base.strip("/v2/"), None);
        assert_eq!(BasePath::default().locate(&Endpoint::Ping), "/v2/");
    }

    #[test]
    fn odd_base_paths_are_refused() {
        for bad in ["/", "a", "/a/", "//a", "/a b", "/a\r\nX: y", "/ä", "/a?b", "/a%2fb"] {
            assert_eq!(bad.parse::<BasePath>(), Err(BasePathError), "{bad:?}");
        }
    }
}
