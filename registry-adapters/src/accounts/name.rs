//! The names of users and groups.

use std::{fmt, str::FromStr};

use registry_core::{name::RepositoryName, serde_as_text};

/// The longest name in bytes.
const MAX_LENGTH: usize = 64;

/// The name of a user: one component of a repository's name, so that it can be a namespace, of at
/// most 64 bytes, and not `anonymous`.
///
/// It is made by parsing alone:
///
/// ```compile_fail,E0423
/// use registry_adapters::accounts::UserName;
/// let project = UserName("acme/app".into());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(Box<str>);

/// The name of a group of users, of the same grammar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(Box<str>);

/// The text is not the name of a user or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a user or a group has lower-case letters and digits, joined by one '.', one or \
     two '_', or any run of '-', and at most {MAX_LENGTH} bytes; it is not 'anonymous'"
)]
pub struct NameError;

fn check(text: &str) -> Result<Box<str>, NameError> {
    let is_component = !text.contains('/') && text.parse::<RepositoryName>().is_ok();
    let fits = is_component && text.len() <= MAX_LENGTH && text != "anonymous";
    if fits { Ok(text.into()) } else { Err(NameError) }
}

macro_rules! name {
    ($type:ty) => {
        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text).map(Self)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        serde_as_text!($type);
    };
}

name!(UserName);
name!(GroupName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_component_and_not_that_of_nobody() {
        for good in ["alice", "a", "0", "alice.b", "a_b", "a__b", "a--b", &"a".repeat(64)] {
            assert_eq!(good.parse::<UserName>().expect(good).as_str(), good);
            assert_eq!(good.parse::<GroupName>().expect(good).to_string(), good);
        }
        for bad in [
            "",
            "Alice",
            "a/b",
            "a b",
            "-a",
            "a.",
            "a..b",
            "ä",
            "anonymous",
            &"a".repeat(65),
            "a:b",
        ] {
            assert_eq!(bad.parse::<UserName>(), Err(NameError), "{bad}");
            assert_eq!(bad.parse::<GroupName>(), Err(NameError), "{bad}");
        }
    }
}
