//! Where a request comes from and what it is for, where a proxy stands before the server: the one
//! place that reads what proxies say of either.

mod hops;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use hyper::{header::HOST, http::request::Parts};
use ipnet::IpNet;

use self::hops::{Hop, Proto};
use crate::{origin::Origin, request::ConnectionInfo};

/// The proxies that are believed what they say of a client. What a request says that does not come
/// from one of them says nothing. By default none is.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    headers: ForwardingHeaders,
    /// Whether it was said that somebody else forwards requests.
    has_warned: Arc<AtomicBool>,
}

/// In which headers the proxies say it. Only these are read: a proxy hands on what a client wrote
/// into the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardingHeaders {
    /// `X-Forwarded-For`, `X-Forwarded-Host`, `X-Forwarded-Proto`. A proxy has to append to the
    /// first or to replace it, and to replace the others or to drop them.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is neither a network, as 10.0.0.0/8 and fd00::/8 are, nor an address")]
pub struct TrustedProxiesError(String);

impl TrustedProxies {
    /// Those with an address in one of these networks (`10.0.0.0/8`), or with one of these addresses.
    ///
    /// # Errors
    /// At the first text that is neither.
    pub fn new<T: AsRef<str>>(
        networks: impl IntoIterator<Item = T>,
    ) -> Result<Self, TrustedProxiesError> {
        let parse = |text: T| {
            let text = text.as_ref();
            let address = || text.parse::<IpAddr>().map(IpNet::from);
            let network = text.parse::<IpNet>().or_else(|_| address());
            network.map_err(|_| TrustedProxiesError(text.to_owned()))
        };
        let networks = networks.into_iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { networks, ..Self::default() })
    }

    /// The same proxies, which say it in these headers.
    #[must_use]
    pub fn with_headers(self, headers: ForwardingHeaders) -> Self {
        Self { headers, ..self }
    }

    /// The address of the client: the last one that was seen by somebody who is trusted.
    pub(crate) fn client(&self, head: &Parts, request_id: &str) -> Option<IpAddr> {
        let peer = peer(head)?;
        if !self.trusts(peer) && hops::are_said(&head.headers) {
            self.warn_once(peer, request_id);
        }
        Some(self.edge(head)?.0)
    }

    /// The origin that the client asked for; `None` where what says it is not well formed.
    pub(crate) fn origin(&self, head: &Parts) -> Option<Origin> {
        let connection = head.extensions.get::<ConnectionInfo>();
        let hop = self.edge(head).and_then(|(_, hop)| hop);
        let is_tls = match hop.as_ref().map(|hop| hop.proto) {
            Some(Proto::Https) => true,
            Some(Proto::Http) => false,
            Some(Proto::Other) => return None,
            Some(Proto::Unsaid) | None => connection.is_some_and(|info| info.is_tls),
        };
        match hop.and_then(|hop| hop.host) {
            Some(host) => Origin::new(is_tls, &host),
            // RFC 9112 section 3.2.2: what the request line says goes before `Host`.
            None => match head.uri.authority() {
                Some(authority) => Origin::new(is_tls, authority.as_str()),
                None => Origin::new(is_tls, head.headers.get(HOST)?.to_str().ok()?),
            },
        }
    }

    /// The client's address, and what the outermost of the trusted proxies said; `None` where the
    /// connection itself is not known.
    fn edge(&self, head: &Parts) -> Option<(IpAddr, Option<Hop>)> {
        let peer = peer(head)?;
        if !self.trusts(peer) {
            return Some((peer, None));
        }
        let (mut address, mut edge) = (peer, None);
        // From the right: each one was written by the proxy whose address is further right, and
        // what a client made up is further left.
        for hop in hops::nearest_first(&head.headers, self.headers) {
            let before = hop.address;
            edge = Some(hop);
            match before {
                Some(before) => address = before,
                None => break,
            }
            if !self.trusts(address) {
                break;
            }
        }
        Some((address, edge))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Once, since anybody can write such a header, with every request.
    fn warn_once(&self, peer: IpAddr, request_id: &str) {
        if !self.has_warned.load(Relaxed) && !self.has_warned.swap(true, Relaxed) {
            tracing::warn!(
                request_id,
                %peer,
                "a request says that a proxy forwarded it, and comes from none that is trusted: if \
                 that is a proxy of yours, trust it, or its clients share one address, with its \
                 limits (said once)"
            );
        }
    }
}

/// Who has the connection.
fn peer(head: &Parts) -> Option<IpAddr> {
    Some(head.extensions.get::<ConnectionInfo>()?.peer?.to_canonical())
}
