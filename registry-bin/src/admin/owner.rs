//! Who owns a repository.

use std::{fmt, str::FromStr};

use registry_adapters::htpasswd::Htpasswd;
use registry_core::{
    identity::{Principal, PrincipalKind},
    name::RepositoryName,
};
use serde::{Deserialize, Serialize};

/// Who owns a repository, as its record has it: `user:alice`, `project:acme`; empty for nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Owner(String);

/// The text is no owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an owner is user:<name>, project:<namespace>, service:<id> or nobody")]
pub(crate) struct OwnerError;

impl Owner {
    /// What a record says.
    pub(super) fn of_record(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Who it is; anonymous for nobody.
    pub(super) fn principal(&self) -> Result<Principal, OwnerError> {
        match self.0.split_once(':') {
            None if self.0.is_empty() => Ok(Principal::anonymous()),
            // Those of a file have names that those of the store cannot have.
            Some(("user", name)) if Htpasswd::is_name(name) => {
                Ok(Principal::new(PrincipalKind::User, name))
            }
            Some(("project", name)) => {
                let name: RepositoryName = name.parse().map_err(|_| OwnerError)?;
                Ok(Principal::project(&name))
            }
            Some(("service", id)) if !id.is_empty() => {
                Ok(Principal::new(PrincipalKind::Service, id))
            }
            _ => Err(OwnerError),
        }
    }
}

impl FromStr for Owner {
    type Err = OwnerError;

    fn from_str(text: &str) -> Result<Self, OwnerError> {
        let owner = Self(if text == "nobody" { String::new() } else { text.to_owned() });
        if text.is_empty() { Err(OwnerError) } else { owner.principal().map(|_| owner) }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "nobody" } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_read_as_it_is_written() {
        for good in [
            "user:alice",
            "user:Bob@corp",
            "user:Zoë X",
            "project:acme/team",
            "service:ci",
            "nobody",
        ] {
            assert_eq!(good.parse::<Owner>().expect(good).to_string(), good);
        }
        for bad in
            ["", "alice", "user:", "user:a:b", "user:a\nb", "project:", "service:", "group:dev"]
        {
            assert_eq!(bad.parse::<Owner>(), Err(OwnerError), "{bad}");
        }
    }
}
