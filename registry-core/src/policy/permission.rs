//! What a rule gives.

use std::{fmt, str::FromStr};

use crate::access::{Access, Action};

/// Something that a rule lets somebody do.
///
/// An [`Action`] asks, a permission answers. They are the same but for [`Create`](Self::Create) and
/// [`Claim`](Self::Claim), which nobody asks for alone: they are what a push may do besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Permission {
    /// Read blobs, manifests, tags and referrers; see the repository in the catalog.
    Pull,
    /// Add blobs, manifests and new tags to a repository that is there.
    Push,
    /// Create the repository with a push, where that is allowed too.
    Create,
    /// Become the owner of the repository with a push, where that is allowed too and nobody owns it.
    Claim,
    /// Move a tag with a push, where that is allowed too.
    Overwrite,
    /// Delete blobs, manifests and tags.
    Delete,
    /// List the repositories: those of them that may be pulled.
    Catalog,
    /// Change who owns a repository and who may see it. In `**`, and without conditions, also: look
    /// after the registry, which is to see all repositories, and to see and cancel the uploads of
    /// others.
    Admin,
}

/// The text is not a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an action is pull, push, create, claim, overwrite, delete, catalog or admin")]
pub struct PermissionError;

impl Permission {
    /// Every permission there is.
    pub const ALL: [Self; 8] = [
        Self::Pull,
        Self::Push,
        Self::Create,
        Self::Claim,
        Self::Overwrite,
        Self::Delete,
        Self::Catalog,
        Self::Admin,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Create => "create",
            Self::Claim => "claim",
            Self::Overwrite => "overwrite",
            Self::Delete => "delete",
            Self::Catalog => "catalog",
            Self::Admin => "admin",
        }
    }

    /// Whether the registry is another afterwards.
    #[must_use]
    pub const fn is_write(self) -> bool {
        match self {
            Self::Push
            | Self::Create
            | Self::Claim
            | Self::Overwrite
            | Self::Delete
            | Self::Admin => true,
            Self::Pull | Self::Catalog => false,
        }
    }

    /// What an access takes.
    pub(super) const fn of(access: &Access) -> Self {
        match access.action {
            Action::Pull => Self::Pull,
            Action::Push => Self::Push,
            Action::Overwrite => Self::Overwrite,
            Action::Delete => Self::Delete,
            Action::Catalog => Self::Catalog,
            Action::Admin => Self::Admin,
        }
    }
}

impl FromStr for Permission {
    type Err = PermissionError;

    fn from_str(text: &str) -> Result<Self, PermissionError> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == text).ok_or(PermissionError)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

crate::text::serde_as_text!(Permission);
