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
    /// Whoever is in this group: `group:admins`.
    Group(Id),
    /// The project with this namespace: `project:acme`.
    Project(Id),
    /// The program that pulls this repository: `runner:acme/app`.
    Runner(Id),
}

/// The id of a principal or a group, which is not empty. Upper and lower case are told apart. `*` is
/// any of its kind: `runner:*` is every runner, `group:*` whoever is in some group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id(Box<str>);

/// The text says nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "who is everybody, anonymous, authenticated, user:<id>, service:<id>, group:<id>, project:<id> \
     or runner:<id>"
)]
pub struct WhoError;

impl Who {
    /// Whether the principal is meant.
    #[must_use]
    pub fn includes(&self, principal: &Principal) -> bool {
        match self {
            Self::Everybody => true,
            Self::Anonymous => principal.kind() == PrincipalKind::Anonymous,
            Self::Authenticated => principal.kind() != PrincipalKind::Anonymous,
            Self::Group(id) => principal.groups().any(|group| id.is(group)),
            Self::User(id) => id.is_of(principal, PrincipalKind::User),
            Self::Service(id) => id.is_of(principal, PrincipalKind::Service),
            Self::Project(id) => id.is_of(principal, PrincipalKind::Project),
            Self::Runner(id) => id.is_of(principal, PrincipalKind::Runner),
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
            Some(("group", id)) => id.parse().map(Self::Group),
            Some(("project", id)) => id.parse().map(Self::Project),
            Some(("runner", id)) => id.parse().map(Self::Runner),
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
            Self::Group(id) => write!(f, "group:{}", id.0),
            Self::Project(id) => write!(f, "project:{}", id.0),
            Self::Runner(id) => write!(f, "runner:{}", id.0),
        }
    }
}

crate::text::serde_as_text!(Who);

impl Id {
    const ANY: &str = "*";

    /// The id as text.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }

    fn is_of(&self, principal: &Principal, kind: PrincipalKind) -> bool {
        principal.kind() == kind && self.is(principal.id())
    }

    fn is(&self, id: &str) -> bool {
        *self.0 == *Self::ANY || *self.0 == *id
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
        let user = |id| Principal::new(PrincipalKind::User, id);
        let principals = [
            Principal::anonymous(),
            user("anonymous"),
            user("ci").with_groups(["dev", "ops"]),
            Principal::new(PrincipalKind::Service, "ci"),
            user("CI"),
            Principal::project(&"ci".parse().unwrap()),
            Principal::runner(&"ci".parse().unwrap()),
        ];
        for (who, included) in [
            ("everybody", "yyyyyyy"),
            ("anonymous", "y------"),
            ("authenticated", "-yyyyyy"),
            ("user:anonymous", "-y-----"),
            ("user:ci", "--y----"),
            ("user:dev", "-------"),
            ("service:ci", "---y---"),
            ("project:ci", "-----y-"),
            ("runner:ci", "------y"),
            ("group:dev", "--y----"),
            ("group:ops", "--y----"),
            ("group:ci", "-------"),
            ("group:op", "-------"),
            ("user:*", "-yy-y--"),
            ("service:*", "---y---"),
            ("project:*", "-----y-"),
            ("runner:*", "------y"),
            ("group:*", "--y----"),
        ] {
            let who: Who = who.parse().unwrap();
            let letter = |principal| if who.includes(principal) { 'y' } else { '-' };
            assert_eq!(principals.iter().map(letter).collect::<String>(), included, "{who}");
        }
    }

    #[test]
    fn what_says_nobody_is_refused() {
        for text in [
            "",
            "alice",
            "user",
            "user:",
            "service:",
            "group:",
            "project:",
            "runner:",
            "users:a",
            "Everybody",
            "everybody ",
        ] {
            assert_eq!(text.parse::<Who>(), Err(WhoError), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_prints_back(
            text in "everybody|anonymous|authenticated|(user|service|group|project|runner|other):.{0,9}|.{0,9}"
        ) {
            if let Ok(who) = text.parse::<Who>() {
                prop_assert_eq!(who.to_string(), text);
            }
        }
    }
}
