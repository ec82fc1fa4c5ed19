//! The registry under test, as one row sees it.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hyper::Method;

use crate::{
    client::{Client, Protocol, Request},
    content::noise,
    failure::Outcome,
    login::{Login, Tokens},
    repository::Repository,
    url::{Base, Place, Url},
};

/// How the registry under test is set, as far as rows care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// A manifest is refused while what it references is missing.
    Strict,
    /// A manifest is taken whatever is missing.
    Sparse,
    /// Strict, and nothing can be deleted.
    NoDeletes,
}

/// A running registry.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) base: Base,
    pub(crate) protocol: Protocol,
    /// Who asks; nobody in particular when it is not there.
    pub(crate) login: Option<Login>,
}

/// A running registry with one row's own connection, names and content.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) server: Server,
    pub(crate) client: Client,
    pub(crate) tokens: Tokens,
    /// Differs from row to row and from run to run, so that rows share nothing.
    seed: u64,
    drawn: AtomicU64,
}

impl Target {
    pub(crate) fn new(server: Server, seed: u64) -> Self {
        let (client, tokens) = (Client::default(), Tokens::default());
        Self { server, client, tokens, seed, drawn: AtomicU64::new(0) }
    }

    /// A repository nobody has used.
    pub(crate) fn repository(&self) -> Repository<'_> {
        self.repository_named("")
    }

    /// A repository nobody has used, whose name ends so.
    pub(crate) fn repository_named(&self, suffix: &str) -> Repository<'_> {
        Repository::new(self, format!("wire/{:x}{suffix}", self.draw()))
    }

    /// Bytes nobody has pushed.
    pub(crate) fn bytes(&self, len: usize) -> Bytes {
        noise(self.draw(), len)
    }

    /// A word nobody has used, of lower-case hexadecimal digits.
    pub(crate) fn word(&self) -> String {
        format!("{:016x}", self.draw())
    }

    pub(crate) fn get(&self, place: impl Place) -> Request<'_> {
        self.request(Method::GET, place)
    }

    pub(crate) fn head(&self, place: impl Place) -> Request<'_> {
        self.request(Method::HEAD, place)
    }

    pub(crate) fn post(&self, place: impl Place) -> Request<'_> {
        self.request(Method::POST, place)
    }

    pub(crate) fn put(&self, place: impl Place) -> Request<'_> {
        self.request(Method::PUT, place)
    }

    pub(crate) fn patch(&self, place: impl Place) -> Request<'_> {
        self.request(Method::PATCH, place)
    }

    pub(crate) fn delete(&self, place: impl Place) -> Request<'_> {
        self.request(Method::DELETE, place)
    }

    pub(crate) fn request(&self, method: Method, place: impl Place) -> Request<'_> {
        Request::new(self, method, place.locate(&self.server.base))
    }

    /// A connection on which a row writes the bytes itself.
    pub(crate) async fn raw(&self) -> Outcome<crate::raw::Connection> {
        crate::raw::Connection::open(&self.server).await
    }

    /// The path that a raw request names to get to this place: the base's prefix is added there.
    pub(crate) fn below_base(&self, place: &Url) -> String {
        let prefix = &self.server.base.prefix;
        place.path.strip_prefix(prefix.as_str()).unwrap_or(&place.path).to_owned()
    }

    /// The status of a mount without `from` of a blob that another repository has, which nobody may
    /// pull from without credentials: a token names the repositories that it is good for, and there
    /// is nothing to mount from in others.
    pub(crate) fn mounted_from_anywhere(&self) -> u16 {
        let takes_tokens = self.server.login.as_ref().is_some_and(|login| login.takes_tokens);
        if takes_tokens { 202 } else { 201 }
    }

    fn draw(&self) -> u64 {
        // Weyl's sequence: as many different numbers as there are draws.
        let count = self.drawn.fetch_add(1, Ordering::Relaxed);
        self.seed.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}
