//! Settings of where the server stands in the network, and who is believed there.

use std::fmt;

use registry_http::{Origin, TrustedProxies};

use super::value::Value;

/// Where clients reach the server, if that is said.
#[derive(Clone, Debug)]
pub(crate) struct PublicUrl(Option<Origin>);

impl PublicUrl {
    pub(crate) const fn origin(&self) -> Option<&Origin> {
        self.0.as_ref()
    }
}

impl Value for PublicUrl {
    fn expected() -> String {
        "https://host or https://host:port, or the same with http, without a path; or empty"
            .to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "" => Some(Self(None)),
            text => text.parse().ok().map(Some).map(Self),
        }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |origin| origin.fmt(f))
    }
}

/// Proxies by their networks, perhaps none.
#[derive(Clone, Debug)]
pub(crate) struct Proxies {
    text: String,
    trusted: TrustedProxies,
}

impl Proxies {
    pub(crate) const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(crate) fn trusted(&self) -> TrustedProxies {
        self.trusted.clone()
    }
}

impl Value for Proxies {
    fn expected() -> String {
        "networks such as 10.0.0.0/8 and addresses such as 10.0.0.1, separated by commas, or empty"
            .to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let networks = text.split(',').map(str::trim).filter(|_| !text.is_empty());
        let trusted = TrustedProxies::new(networks).ok()?;
        Some(Self { text: text.to_owned(), trusted })
    }
}

impl fmt::Display for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
