//! How much of something somebody may have.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use auto_impl::auto_impl;

use super::StoreError;

/// Hands out what is limited: requests, tokens, bytes.
///
/// # Contract
/// What is not granted costs nothing: whoever keeps asking too early is granted no later than one who
/// waited. What a limiter does not limit it grants.
#[async_trait]
#[auto_impl(Arc)]
pub trait RateLimiter: Send + Sync + 'static {
    /// Whether it limits this at all for subjects of this kind. What it does not it need not be asked
    /// for; it stays the same as long as the limiter lives.
    fn limits(&self, limit: Limit, kind: SubjectKind) -> bool;

    /// Takes up to `want`, one at least.
    ///
    /// # Errors
    /// When it cannot tell; nothing was taken.
    async fn take(&self, key: &LimitKey, want: u64) -> Result<Taken, StoreError>;

    /// Gives back what was taken and not used. More than was taken is as much as was.
    ///
    /// # Errors
    /// When it cannot be counted; it then counts as used.
    async fn give_back(&self, key: &LimitKey, unused: u64) -> Result<(), StoreError>;
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is granted or not")]
pub enum Taken {
    /// So many are taken, from one up to what was wanted.
    Granted(u64),
    /// None is to be had before so long; [`Duration::MAX`] where only giving back helps.
    Wait(Duration),
}

/// What is limited, and whose share of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "it is this pair")]
pub struct LimitKey {
    /// What.
    pub limit: Limit,
    /// Whose.
    pub subject: Subject,
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// Requests of the API.
    Requests,
    /// Requests for tokens, whatever comes of them.
    TokenRequests,
    /// Credentials that were refused, and may have been guesses.
    Failures,
    /// Credentials that were refused, of which those that are good are let in whatever came before.
    Refusals,
    /// Bytes that are kept.
    StoredBytes,
    /// Bytes that go out.
    PulledBytes,
}

/// Whose share it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// An address, or the network of addresses that one client has.
    Address(IpAddr),
    /// A principal, as [`Principal::owner`](crate::identity::Principal::owner) writes it.
    Principal(Arc<str>),
    /// The repositories with the same first component.
    Namespace(Arc<str>),
}

/// For whom a limit is: for each of these on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectKind {
    /// Addresses, as [`Subject::address`] tells them apart.
    Address,
    /// Principals.
    Principal,
    /// Namespaces: the first components of repositories' names.
    Namespace,
}

impl LimitKey {
    /// What, and whose share.
    #[must_use]
    pub const fn new(limit: Limit, subject: Subject) -> Self {
        Self { limit, subject }
    }
}

impl Limit {
    /// Every limit there is.
    pub const ALL: [Self; 6] = [
        Self::Requests,
        Self::TokenRequests,
        Self::Failures,
        Self::Refusals,
        Self::StoredBytes,
        Self::PulledBytes,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::TokenRequests => "token-requests",
            Self::Failures => "failures",
            Self::Refusals => "refusals",
            Self::StoredBytes => "stored-bytes",
            Self::PulledBytes => "pulled-bytes",
        }
    }
}

impl Subject {
    /// The share of an address: an IPv6 client has a network of 64 bits to itself.
    #[must_use]
    pub fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
            v4 => v4,
        })
    }

    /// Of which kind it is.
    #[must_use]
    pub const fn kind(&self) -> SubjectKind {
        match self {
            Self::Address(_) => SubjectKind::Address,
            Self::Principal(_) => SubjectKind::Principal,
            Self::Namespace(_) => SubjectKind::Namespace,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "address {address}"),
            Self::Principal(owner) => write!(f, "{owner}"),
            Self::Namespace(name) => write!(f, "namespace {name}"),
        }
    }
}
