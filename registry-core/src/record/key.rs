//! The names of records.

use std::{fmt, str::FromStr};

use super::RepositoryId;
use crate::{digest::Digest, name::RepositoryName, ports::ContentId, tag::Tag};

/// The key of a record: components joined by `/`, the first of which is the kind.
///
/// | key | built by |
/// |---|---|
/// | `repository/<name>` | [`RecordKey::repository`] |
/// | `blob/<digest>` | [`RecordKey::blob`] |
/// | `link/<digest>/<repository id>` | [`RecordKey::link`] |
/// | `manifest/<repository id>/<digest>` | [`RecordKey::manifest`] |
/// | `tag/<repository id>/<tag>` | [`RecordKey::tag`] |
/// | `referrer/<repository id>/<subject>/<digest>` | [`RecordKey::referrer`] |
/// | `upload/<id>` | [`RecordKey::upload`] |
/// | `x-<crate>/…` | [`str::parse`], for other crates |
///
/// The byte order of keys is the order in which the API lists. A component has 1 to
/// [`RecordKey::MAX_COMPONENT`] of the bytes `[A-Za-z0-9._:@+=-]`, and is neither `.` nor `..`.
///
/// Its parts are parsed before, so that none leads elsewhere:
///
/// ```compile_fail,E0308
/// use registry_core::record::{RecordKey, RepositoryId};
/// fn outside(repository: &RepositoryId) -> RecordKey {
///     RecordKey::tag(repository, "../x")
/// }
/// ```
///
/// ```compile_fail,E0423
/// use registry_core::record::RecordKey;
/// let outside = RecordKey("tag/../x".into());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey(Box<str>);

/// The text is not a record key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record key has two or more components of [A-Za-z0-9._:@+=-] joined by '/'")]
pub struct KeyError;

impl RecordKey {
    /// The longest component in bytes.
    pub const MAX_COMPONENT: usize = 254;

    /// The longest key in bytes.
    pub const MAX_LENGTH: usize = 1000;

    /// What a repository's name stands for.
    #[must_use]
    pub fn repository(name: &RepositoryName) -> Self {
        Self(format!("repository/{name}").into())
    }

    /// Where the bytes of a digest are.
    #[must_use]
    pub fn blob(digest: &Digest) -> Self {
        Self(format!("blob/{digest}").into())
    }

    /// That a repository may read a blob.
    #[must_use]
    pub fn link(digest: &Digest, repository: &RepositoryId) -> Self {
        Self(format!("link/{digest}/{repository}").into())
    }

    /// A manifest in a repository.
    #[must_use]
    pub fn manifest(repository: &RepositoryId, digest: &Digest) -> Self {
        Self(format!("manifest/{repository}/{digest}").into())
    }

    /// A tag in a repository.
    #[must_use]
    pub fn tag(repository: &RepositoryId, tag: &Tag) -> Self {
        Self(format!("tag/{repository}/{tag}").into())
    }

    /// A manifest that refers to a subject.
    #[must_use]
    pub fn referrer(repository: &RepositoryId, subject: &Digest, digest: &Digest) -> Self {
        Self(format!("referrer/{repository}/{subject}/{digest}").into())
    }

    /// An upload.
    #[must_use]
    pub fn upload(id: &ContentId) -> Self {
        Self(format!("upload/{id}").into())
    }

    /// The prefix of all repositories.
    #[must_use]
    pub fn repositories() -> String {
        "repository/".to_owned()
    }

    /// The prefix of all uploads.
    #[must_use]
    pub fn uploads() -> String {
        "upload/".to_owned()
    }

    /// The prefix of the links to a blob.
    #[must_use]
    pub fn links(digest: &Digest) -> String {
        format!("link/{digest}/")
    }

    /// The prefix of a repository's tags.
    #[must_use]
    pub fn tags(repository: &RepositoryId) -> String {
        format!("tag/{repository}/")
    }

    /// The prefix of the referrers to a subject.
    #[must_use]
    pub fn referrers(repository: &RepositoryId, subject: &Digest) -> String {
        format!("referrer/{repository}/{subject}/")
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind: the first component.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// Whether the record lasts only until the machine stops, so that a store need not sync it.
    #[must_use]
    pub fn is_volatile(&self) -> bool {
        self.kind() == "upload"
    }

    /// What follows a prefix, parsed: the name, tag or digest at the end of a listed key.
    #[must_use]
    pub fn after<T: FromStr>(&self, prefix: &str) -> Option<T> {
        self.0.strip_prefix(prefix)?.parse().ok()
    }
}

impl FromStr for RecordKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let fits = text.len() <= Self::MAX_LENGTH
            && text.contains('/')
            && text.split('/').all(is_component);
        if fits { Ok(Self(text.into())) } else { Err(KeyError) }
    }
}

fn is_component(text: &str) -> bool {
    (1..=RecordKey::MAX_COMPONENT).contains(&text.len())
        && !matches!(text, "." | "..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:@+=-".contains(&b))
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordKey({})", self.0)
    }
}
