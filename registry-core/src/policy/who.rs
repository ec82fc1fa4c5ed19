//! Whom a rule is for.

use std::{fmt, str::FromStr};

use crate::identity::{Principal, PrincipalKind};

/// Whom a rule is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Who {
    /// Whoever it is, with credentials or without: `everybody`.
    Everybody,
    /// Whoever has no credentials, and nobody else: `anonymous`.
    Anonymous,
    /// Whoever has credentials: `authenticated`.
    Authenticated,
    /// The person with this id: `user:alice`.
    User(Id),
    /// The program with this id: `service:ci`.
    Service(Id),
}

/// The id of a principal, which is not empty. Upper and lower case are told apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id(Box<str>);

/// The text says nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("who is everybody, anonymous, authenticated, user:<id> or service:<id>")]
pub struct WhoError;

impl Who {
    /// Whether the principal is meant.
    #[must_use]
    pub fn includes(&self, principal: &Principal) -> bool {
        match self {
            Self::Everybody => true,
            Self::Anonymous => principal.kind() == PrincipalKind::Anonymous,
            Self::Authenticated => principal.kind() != PrincipalKind::Anonymous,
            Self::User(id) => {
                principal.kind() == PrincipalKind::User && principal.id() == id.as_str()
            }
            Self::Service(id) => {
                principal.kind() == PrincipalKind::Service && principal.id() == id.as_str()
            }
        }
    }
}

impl FromStr for Who {
    type Err = WhoError;

    fn from_str(text: &str) -> Result<Self, WhoError> {
        match text.split_once(':') {
            None => match text {
                "everybody" => Ok(Self::Everybody),
                "anonymous" => Ok(Self::Anonymous),
                "authenticated" => Ok(Self::Authenticated),
                _ => Err(WhoError),
            },
            Some(("user", id)) => id.parse().map(Self::User),
            Some(("service", id)) => id.parse().map(Self::Service),
            Some(_) => Err(WhoError),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str("everybody"),
            Self::Anonymous => f.write_str("anonymous"),
            Self::Authenticated => f.write_str("authenticated"),
            Self::User(id) => write!(f, "user:{}", id.0),
            Self::Service(id) => write!(f, "service:{}", id.0),
        }
    }
}

crate::text::serde_as_text!(Who);

impl Id {
    /// The id as text.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Id {
    type Err = WhoError;

    fn from_str(text: &str) -> Result<Self, WhoError> {
        if text.is_empty() { Err(WhoError) } else { Ok(Self(text.into())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_who_includes_its_own() {
        let principals = [
            Principal::anonymous(),
            Principal::new(PrincipalKind::User, "anonymous"),
            Principal::new(PrincipalKind::User, "ci"),
            Principal::new(PrincipalKind::Service, "ci"),
            Principal::new(PrincipalKind::User, "CI"),
        ];
        for (who, included) in [
            ("everybody", [true, true, true, true, true]),
            ("anonymous", [true, false, false, false, false]),
            ("authenticated", [false, true, true, true, true]),
            ("user:anonymous", [false, true, false, false, false]),
            ("user:ci", [false, false, true, false, false]),
            ("service:ci", [false, false, false, true, false]),
        ] {
            let who: Who = who.parse().unwrap();
            assert_eq!(principals.each_ref().map(|principal| who.includes(principal)), included);
        }
    }

    #[test]
    fn what_says_nobody_is_refused() {
        for text in ["", "alice", "user", "user:", "service:", "users:a", "Everybody", "everybody "]
        {
            assert_eq!(text.parse::<Who>(), Err(WhoError), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_prints_back(
            text in "everybody|anonymous|authenticated|(user|service|other):.{0,9}|.{0,9}"
        ) {
            if let Ok(who) = text.parse::<Who>() {
                prop_assert_eq!(who.to_string(), text);
            }
        }
    }
}
